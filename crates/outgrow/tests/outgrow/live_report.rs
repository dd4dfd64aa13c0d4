//! `outgrow report --live`: it serves the page to this machine, follows the run, and writes nothing.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::tiny::{Workshop, stderr};

/// The program while it serves; ended with the test, however that ends.
struct Serving {
    program: Child,
    address: String,
}

impl Serving {
    fn of(workshop: &Workshop) -> Self {
        let mut command = workshop.command(&["report", "run", "--live"]);
        let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap().to_owned();
        Self { program, address }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{request}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn page(&self) -> String {
        self.ask(&format!("GET / HTTP/1.1\r\nHost: {}", self.address))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A run with two evaluations.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    std::fs::create_dir(workshop.path("run")).unwrap();
    let described = json!({"format": 1, "name": "run", "method": "scratch", "seed": 1, "parameters": 1000, "finished": false});
    workshop.write("run/run.json", described.to_string());
    workshop
        .write("run/metrics.jsonl", [8.0, 6.0].into_iter().enumerate().map(evaluation).collect::<String>());
    workshop
}

fn evaluation((step, loss): (usize, f64)) -> String {
    let line = json!({"step": step, "tokens": step, "stage": "train", "flops": step, "flops_6nt": step, "validation_loss": loss});
    format!("{line}\n")
}

#[test]
fn the_page_is_served_to_this_machine_and_follows_the_run() {
    let workshop = workshop();
    let before = (workshop.names("."), workshop.names("run"));
    let serving = Serving::of(&workshop);
    assert!(serving.address.starts_with("127.0.0.1:"));
    let first = serving.page();
    assert!(
        first.starts_with("HTTP/1.1 200 OK\r\n")
            && first.contains("6.000")
            && first.contains("<script nonce=")
    );
    assert!(serving.ask("GET / HTTP/1.1\r\nHost: evil.example").starts_with("HTTP/1.1 403 "));
    assert!(serving.ask("POST / HTTP/1.1\r\nHost: localhost").starts_with("HTTP/1.1 405 "));
    let mut metrics = OpenOptions::new().append(true).open(workshop.path("run/metrics.jsonl")).unwrap();
    metrics.write_all(evaluation((2, 4.321)).as_bytes()).unwrap();
    let follows = (0..300).any(|_| {
        thread::sleep(Duration::from_millis(100));
        serving.page().contains("4.321")
    });
    assert!(follows, "the page doesn't follow");
    assert_eq!((workshop.names("."), workshop.names("run")), before);
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_as_done() {
    let workshop = workshop();
    let mut serving = Serving::of(&workshop);
    let id = serving.program.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(serving.program.wait().unwrap().code(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_one_line() {
    let workshop = workshop();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = workshop.run(&["report", "run", "--live", "--port", &port]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output).replace(&port, "PORT");
    insta::assert_snapshot!(said, @"error: port PORT is taken: --port 0 takes any that is free");
}
