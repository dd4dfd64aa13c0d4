//! Parameters, gradients and updates by name.
//!
//! A name is Hugging Face's tensor name, which is the parameter's path in the module tree. Values travel as flat
//! tensors `[elements]` on the device without autodiff, so that one update rule serves vectors and matrices.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Gradients, Tensor},
};
use outgrow_checkpoint::{HostTensor, NamedTensors};

use crate::decoder::Decoder;

impl Decoder {
    /// All parameters, on the host, in f32.
    pub fn to_named_tensors(&self) -> NamedTensors {
        let mut visitor = Visitor { path: Vec::new(), visit: Collect(NamedTensors::new()) };
        self.visit(&mut visitor);
        visitor.visit.0
    }

    /// Takes the gradients of the trained parameters out of a backward pass, each flat: `[elements]`.
    ///
    /// A trained parameter that the loss did not reach is absent.
    pub fn gradients(&self, gradients: &mut Gradients) -> BTreeMap<String, Tensor<1>> {
        let mut visitor = Visitor { path: Vec::new(), visit: Take { gradients, taken: BTreeMap::new() } };
        self.visit(&mut visitor);
        visitor.visit.taken
    }

    /// Replaces the value of each trained parameter by what `update` makes of its name and value, both flat:
    /// `[elements]`.
    ///
    /// `update` gets the only handle of the value, unless somebody cloned the decoder, and may change it in place.
    pub fn update(&mut self, update: impl FnMut(&str, Tensor<1>) -> Tensor<1>) {
        // burn maps modules by value. An empty decoder stands in for this one, so that nothing shares its memory
        // meanwhile.
        let decoder = self.take();
        *self = decoder.map(&mut Update { path: Vec::new(), update });
    }
}

/// Switches the gradient of every parameter on or off by its name.
pub(crate) fn set_trainable(decoder: Decoder, is_trainable: &dyn Fn(&str) -> bool) -> Decoder {
    decoder.map(&mut Switch { path: Vec::new(), is_trainable })
}

/// What is done at a parameter, for any rank.
trait Visit {
    fn parameter<const D: usize>(&mut self, name: String, value: Tensor<D>);
}

/// Follows the module tree and hands over each parameter with its name.
struct Visitor<V> {
    path: Vec<String>,
    visit: V,
}

impl<V: Visit> ModuleVisitor for Visitor<V> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.visit.parameter(self.path.join("."), param.val());
    }
}

struct Collect(NamedTensors);

impl Visit for Collect {
    fn parameter<const D: usize>(&mut self, name: String, value: Tensor<D>) {
        let shape = value.dims().to_vec();
        let values = value.into_data().try_into_vec::<f32>().expect("parameters are f32");
        self.0.insert(name, HostTensor { shape, values });
    }
}

struct Take<'a> {
    gradients: &'a mut Gradients,
    taken: BTreeMap<String, Tensor<1>>,
}

impl Visit for Take<'_> {
    fn parameter<const D: usize>(&mut self, name: String, value: Tensor<D>) {
        if value.is_require_grad()
            && let Some(gradient) = value.grad_remove(self.gradients)
        {
            self.taken.insert(name, flat(gradient));
        }
    }
}

struct Update<F> {
    path: Vec<String>,
    update: F,
}

impl<F: FnMut(&str, Tensor<1>) -> Tensor<1>> ModuleMapper for Update<F> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        if !value.is_require_grad() {
            return Param::from_mapped_value(id, value, mapper);
        }
        let shape = value.dims();
        // Fresh from the inner device: the new leaf shares nothing with the tape of the step before.
        let updated = (self.update)(&self.path.join("."), flat(value.inner()));
        Param::from_mapped_value(id, Tensor::from_inner(updated.reshape(shape)).require_grad(), mapper)
    }
}

struct Switch<'a> {
    path: Vec<String>,
    is_trainable: &'a dyn Fn(&str) -> bool,
}

impl ModuleMapper for Switch<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let trainable = (self.is_trainable)(&self.path.join("."));
        param.set_require_grad(trainable)
    }
}

fn flat<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let elements = tensor.dims().iter().product::<usize>();
    tensor.reshape([elements])
}
