//! `outgrow report --live`: the page of runs that go on, served to this machine and to no other. It answers GET for one
//! page, writes nothing, and ends with Ctrl-C.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash, Hasher},
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{BadInput, Error, Result},
    terminal::{interrupt::Interrupt, output},
};

/// Between two looks at whether somebody asks or Ctrl-C was pressed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A page isn't made again before it is this old, nor before three times as long as making it took.
const AT_LEAST: Duration = Duration::from_secs(2);
/// A request is one line and a few headers.
const LONGEST_REQUEST: usize = 16 * 1024;
const SLOWEST_REQUEST: Duration = Duration::from_secs(2);

/// Asks for the page again and again, and puts its new content in the place of the old one. What the reader has folded
/// out and chosen stays.
const SCRIPT: &str = include_str!("live.js");

/// Makes the page anew whenever it is asked for and old enough.
struct Page<Make> {
    make: Make,
    /// Stands in the page and in its policy: no other script may run.
    nonce: String,
    html: String,
    tag: String,
    made: Instant,
    took: Duration,
}

/// Serves what `make` gives until Ctrl-C. A port of 0 is any that is free.
///
/// # Errors
/// A port that isn't free, and whatever `make` says the first time. Later it may fail: a run's file can be half
/// written.
pub(crate) fn serve(port: u16, make: impl Fn() -> Result<String>) -> Result<()> {
    let interrupt = Interrupt::from_signals()?;
    let mut page = Page::new(make)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::AddrInUse => "is taken",
            io::ErrorKind::PermissionDenied => "may not be used",
            _ => return Error::at(&format!("port {port}"))(error),
        };
        BadInput(format!("port {port} {why}: --port 0 takes any that is free")).into()
    })?;
    let address = listener.local_addr().map_err(Error::at("port"))?;
    listener.set_nonblocking(true).map_err(Error::at("port"))?;
    output::line(format_args!("http://{address}/ shows the report and follows the runs; Ctrl-C ends it"))?;
    while !interrupt.is_set() {
        match listener.accept() {
            // Who goes away in the middle of an answer misses it; the next one is served.
            Ok((stream, _)) => drop(page.answer(stream)),
            Err(_) => thread::sleep(LOOK_EVERY),
        }
    }
    Ok(())
}

impl<Make: Fn() -> Result<String>> Page<Make> {
    fn new(make: Make) -> Result<Self> {
        let nonce = format!("{:016x}", RandomState::new().build_hasher().finish());
        let (html, tag) = (String::new(), String::new());
        let mut page = Self { html, tag, nonce, made: Instant::now(), took: Duration::ZERO, make };
        page.renew()?;
        Ok(page)
    }

    fn renew(&mut self) -> Result<()> {
        let began = Instant::now();
        let html = (self.make)()?;
        let script = format!("<script nonce=\"{}\">{SCRIPT}</script></body>", self.nonce);
        self.html = html.replacen("</body>", &script, 1);
        let mut hasher = std::hash::DefaultHasher::new();
        self.html.hash(&mut hasher);
        self.tag = format!("\"{:016x}\"", hasher.finish());
        self.took = began.elapsed();
        self.made = Instant::now();
        Ok(())
    }

    /// Reads a request and answers it.
    fn answer(&mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(SLOWEST_REQUEST))?;
        stream.set_write_timeout(Some(SLOWEST_REQUEST))?;
        let request = read_request(&mut stream)?;
        let answer = match refusal(&request) {
            Some(answer) => answer,
            None => self.page(header(&request, "if-none-match")),
        };
        stream.write_all(answer.as_bytes())?;
        stream.flush()
    }

    fn page(&mut self, known: Option<&str>) -> String {
        if self.made.elapsed() > AT_LEAST.max(3 * self.took)
            && let Err(error) = self.renew()
        {
            // The page that was shown stays there; the script asks again.
            return text("503 Service Unavailable", &format!("{error}"));
        }
        if known == Some(self.tag.as_str()) {
            return head("304 Not Modified", &format!("ETag: {}\r\n", self.tag), 0);
        }
        let policy = format!(
            "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'; script-src 'nonce-{}'\r\n",
            self.nonce
        );
        let fields = format!("Content-Type: text/html; charset=utf-8\r\nETag: {}\r\n{policy}", self.tag);
        head("200 OK", &fields, self.html.len()) + &self.html
    }
}

/// Everything up to the empty line after the headers.
fn read_request(stream: &mut TcpStream) -> io::Result<String> {
    let began = Instant::now();
    let (mut request, mut part) = (Vec::new(), [0; 1024]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut part)?;
        if read == 0 || request.len() > LONGEST_REQUEST || began.elapsed() > SLOWEST_REQUEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        request.extend_from_slice(&part[..read]);
    }
    Ok(String::from_utf8_lossy(&request).into_owned())
}

/// Why a request gets no page; nothing where it gets one.
fn refusal(request: &str) -> Option<String> {
    // A page of another site can point its own name at this machine; its requests still bear that name.
    let host = header(request, "host").unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !["127.0.0.1", "localhost"].iter().any(|own| name.eq_ignore_ascii_case(own)) {
        return Some(text("403 Forbidden", "this report is for 127.0.0.1 and localhost"));
    }
    let mut words = request.lines().next().unwrap_or_default().split(' ');
    match (words.next(), words.next()) {
        (Some("GET"), Some("/")) => None,
        (Some("GET"), _) => Some(text("404 Not Found", "there is one page here: /")),
        _ => Some(text("405 Method Not Allowed", "this report answers GET")),
    }
}

/// A header's value; its name in lower case.
fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let fields = request.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

fn head(status: &str, fields: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\nCache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
}

fn text(status: &str, text: &str) -> String {
    head(status, "Content-Type: text/plain; charset=utf-8\r\n", text.len() + 1) + text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(request: &str) -> String {
        let answer = refusal(request).unwrap_or_else(|| "HTTP/1.1 200 OK\r\n".to_owned());
        answer.lines().next().unwrap_or_default().replace("HTTP/1.1 ", "")
    }

    #[test]
    fn only_a_get_of_the_page_by_this_machines_name_is_answered() {
        insta::assert_snapshot!(
            [
                "GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: LocalHost\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: evil.example:8000\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n",
                "GET / HTTP/1.1\r\n\r\n",
                "GET /../run.json HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "\r\n\r\n",
            ]
            .map(status)
            .join("\n"),
            @"
        200 OK
        200 OK
        403 Forbidden
        403 Forbidden
        403 Forbidden
        404 Not Found
        405 Method Not Allowed
        403 Forbidden
        "
        );
    }
}
