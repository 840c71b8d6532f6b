//! `server ui`: whom it lets in, and that it outlives its replica.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, Signal, server_local};

use super::Program;

/// What a GET of a path is answered, head and body.
fn get(port: u16, path: &str, headers: &[(&str, &str)]) -> Result<String, String> {
    let told = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(told)?;
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).map_err(told)?;
    let mut request = format!("GET {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        request.push_str(&format!("host: 127.0.0.1:{port}\r\n"));
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    write!(stream, "{request}\r\n").map_err(told)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(told)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = answer.lines().take_while(|line| !line.is_empty());
    lines.find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[test]
fn the_ui_is_this_users_alone_and_outlives_its_replica() {
    let namespace = Namespace::new("ui");
    namespace.apply(&server_local("demo", &json!({})));
    namespace.until_ready("sparkconnectserver/demo");
    let program = Program::new(&namespace);
    let (running, url) = program.start(&["server", "ui", "demo", "--no-open"]);
    let address = url.strip_prefix("http://127.0.0.1:").expect("a local URL");
    let (port, path) = address.split_once('/').expect("a path");
    let port: u16 = port.parse().expect("a port");
    let path = format!("/{path}");
    let get = |path: &str, headers: &[(&str, &str)]| get(port, path, headers);
    let page = |path: &str, headers: &[(&str, &str)]| {
        get(path, headers).unwrap_or_else(|error| panic!("{error}\n{}", namespace.explain()))
    };

    assert!(page("/jobs/", &[]).starts_with("HTTP/1.1 403"));
    assert!(page("/?token=guess", &[]).starts_with("HTTP/1.1 403"));
    let welcome = page(&path, &[]);
    assert!(welcome.starts_with("HTTP/1.1 200"), "{welcome}");
    let cookie = header(&welcome, "set-cookie").expect("a cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let (cookie, _) = cookie.split_once(';').expect("a cookie has attributes");
    let cookie = ("cookie", cookie);
    // A name that somebody made to lead here is refused, whatever comes with it.
    assert!(page("/jobs/", &[cookie, ("host", "evil.example")]).starts_with("HTTP/1.1 403"));

    // Spark redirects, and by an absolute address.
    let redirected = page("/", &[cookie]);
    assert!(redirected.starts_with("HTTP/1.1 302"), "{redirected}");
    let location = header(&redirected, "location").expect("a place");
    let there = format!("http://127.0.0.1:{port}");
    let jobs = location.strip_prefix(&there).unwrap_or(location);
    let jobs_page = page(jobs, &[cookie]);
    // The application has its replica's name.
    assert!(
        jobs_page.contains("<title>demo-0 - Spark Jobs</title>"),
        "{jobs_page}"
    );
    let script = jobs_page
        .split('"')
        .find(|link| link.ends_with("/webui.js"));
    let script = page(script.expect("the page has scripts"), &[cookie]);
    assert!(script.starts_with("HTTP/1.1 200"), "{script}");

    let application = application(&namespace);
    namespace.delete("pod/demo-0");
    namespace.until("another replica's UI at the same address", || {
        let applications = get("/api/v1/applications", &[cookie])?;
        let other = application_in(&applications).is_some_and(|id| id != application);
        if other { Ok(()) } else { Err(applications) }
    });
    running.signal(Signal::INT);
    assert_eq!(running.exit_code(), Some(0));
}

/// Spark's id of the server's application.
fn application(namespace: &Namespace) -> String {
    let server = namespace.until_ready("sparkconnectserver/demo");
    let id = server["status"]["servers"][0]["applicationId"].as_str();
    id.expect("a replica that is ready has an application")
        .to_owned()
}

fn application_in(answer: &str) -> Option<String> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    if !head.starts_with("HTTP/1.1 200") {
        return None;
    }
    // The body comes in chunks: the list is between the first bracket and the last.
    let list = body.get(body.find('[')?..=body.rfind(']')?)?;
    let applications: Value = serde_json::from_str(list).ok()?;
    Some(applications[0]["id"].as_str()?.to_owned())
}
