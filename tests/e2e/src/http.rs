//! One HTTP request to a pod. Does I/O.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What a GET of `path` answers, headers included.
///
/// # Panics
/// When nothing answers.
pub fn get(host: &str, port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect((host, port)).expect("the pod accepts connections");
    let patience = Some(Duration::from_secs(30));
    stream
        .set_read_timeout(patience)
        .expect("a time-out can be set");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").expect("the pod reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the pod answers");
    String::from_utf8_lossy(&answer).into_owned()
}
