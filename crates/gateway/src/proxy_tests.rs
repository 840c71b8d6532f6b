use super::*;

fn called_with(of: &[(&str, &str)]) -> HeaderMap {
    let named = |(name, value): &(&str, &str)| {
        let name: HeaderName = name.parse().unwrap();
        (name, value.parse::<HeaderValue>().unwrap())
    };
    of.iter().map(named).collect()
}

#[test]
fn only_a_call_of_spark_connect_goes_on() {
    let path = Uri::from_static("/spark.connect.SparkConnectService/Config");
    let grpc = called_with(&[("content-type", "application/grpc")]);
    assert_eq!(method(&Method::POST, &path, &grpc), Ok(Rpc::Config));
    assert_eq!(method(&Method::GET, &path, &grpc), Err(Refusal::NotGrpc));
    let web = called_with(&[("content-type", "application/grpc-web")]);
    assert_eq!(method(&Method::POST, &path, &web), Err(Refusal::NotGrpc));
    let other = Uri::from_static("/grpc.health.v1.Health/Check");
    let refused = method(&Method::POST, &other, &grpc).unwrap_err();
    assert_eq!(refused.code(), crate::refusal::Code::Unimplemented);
    let zipped = called_with(&[
        ("content-type", "application/grpc+proto"),
        ("grpc-encoding", "gzip"),
    ]);
    let refused = method(&Method::POST, &path, &zipped).unwrap_err();
    assert_eq!(refused, crate::message::Unfit::Compressed.into());
}

#[test]
fn a_token_is_one_bearer() {
    let of = |value: &str| token(&called_with(&[("authorization", value)])).map(str::to_owned);
    assert_eq!(of("Bearer abc"), Ok("abc".to_owned()));
    assert_eq!(of("bearer abc"), Ok("abc".to_owned()));
    for value in ["Bearer", "Bearer ", "Basic abc", "abc"] {
        assert_eq!(of(value), Err(Refusal::NoToken), "{value}");
    }
    let mut two = called_with(&[("authorization", "Bearer a")]);
    two.append(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
    assert_eq!(token(&two), Err(Refusal::NoToken));
}

#[test]
fn a_call_goes_to_the_replica_by_name() {
    let address = Authority::from_static("demo-0.demo.ns.svc:15002");
    let uri = uri(Rpc::Config, address);
    assert_eq!(
        uri,
        "http://demo-0.demo.ns.svc:15002/spark.connect.SparkConnectService/Config"
    );
}

#[test]
fn a_replica_gets_the_servers_token_and_the_trace_and_not_what_only_the_gateway_believes() {
    let client = called_with(&[
        ("content-type", "application/grpc"),
        ("authorization", "Bearer the-clients"),
        ("x-request-id", "r-1"),
        ("x-forwarded-user", "root"),
        ("traceparent", "the-clients"),
    ]);
    let own = HeaderValue::from_static("Bearer the-servers");
    let expected = |trace| {
        called_with(&[
            ("content-type", "application/grpc"),
            ("traceparent", trace),
            ("authorization", "Bearer the-servers"),
        ])
    };
    assert_eq!(headers(&client, None, &own), expected("the-clients"));
    let trace = Some("the-gateways".to_owned());
    assert_eq!(headers(&client, trace, &own), expected("the-gateways"));
}

/// Bytes of what `_made` would give.
fn size<A, T>(_made: impl FnOnce(A) -> T) -> usize {
    size_of::<T>()
}

#[test]
fn a_call_is_small_for_the_runtime_moves_it_about() {
    type Given = (&'static Proxy, Request<Incoming>, &'static Upstreams);
    let call = size(|(proxy, request, upstreams): Given| proxy.call(request, upstreams));
    assert!(call < 3 << 10, "{call} bytes");
}
