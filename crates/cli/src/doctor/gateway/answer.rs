//! Whether the gateway's certificate is trusted, and whether it lets nobody in without a token. Does I/O in [`ask`].

use sparkconnect_spark::{Endpoint, Error, SparkServer, Timeouts, Tls};

use super::super::report::Finding;
use super::address::Address;
use super::way::Way;

const CHECK: &str = "gateway answer";

/// Calls it without a token.
pub(super) async fn ask(address: &Address, way: &Way, tls: Option<Tls>) -> Finding {
    let Some(mut tls) = tls else {
        let text = "it was not called: the certificate to trust is in connection Secrets, and none can be read";
        return Finding::skipped(CHECK, text);
    };
    let (host, grpc_port) = match way {
        Way::Straight => (address.host.clone(), address.port),
        Way::Forwarded(forward) => {
            tls.server_name = Some(address.host.clone());
            (forward.address().ip().to_string(), forward.address().port())
        }
    };
    let endpoint = Endpoint {
        host,
        grpc_port,
        tls: Some(tls),
        metadata: Vec::new(),
        ui_port: None,
        token: None,
        timeouts: Timeouts::default(),
    };
    judge(&match SparkServer::new(&endpoint) {
        Ok(gateway) => gateway.probe().await,
        Err(error) => Err(error),
    })
}

fn judge(answer: &Result<(), Error>) -> Finding {
    match answer {
        Err(Error::Unauthenticated) => Finding::well(
            CHECK,
            "its certificate is trusted, and it lets nobody in without a token",
        ),
        Ok(()) => Finding::wrong(CHECK, "it answers without a token")
            .cure("what listens there is not the gateway: see where the address leads"),
        Err(error @ (Error::Untrusted { .. } | Error::InvalidTls { .. })) => {
            Finding::wrong(CHECK, error.to_string()).cure(
                "does the certificate (Secret sparkconnect-gateway-tls) have the address's name, and its ca.crt the authority? Without that Secret the operator makes one",
            )
        }
        Err(error @ Error::NotSparkConnect { .. }) => Finding::wrong(CHECK, error.to_string())
            .cure("a proxy on the way must pass TLS, or HTTP/2, on to the gateway"),
        Err(error) => Finding::wrong(CHECK, error.to_string())
            .cure("the gateway's pods tell more: `kubectl logs -l app.kubernetes.io/name=sparkconnect-gateway`"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::report::Verdict;
    use super::*;

    #[test]
    fn only_a_refusal_is_well() {
        assert_eq!(judge(&Err(Error::Unauthenticated)).verdict, Verdict::Well);
        let untrusted = Error::Untrusted {
            message: "unknown issuer".to_owned(),
        };
        for answer in [Ok(()), Err(untrusted), Err(Error::SessionChanged)] {
            let finding = judge(&answer);
            assert_eq!(finding.verdict, Verdict::Wrong, "{finding:?}");
            assert!(finding.cure.is_some());
        }
    }
}
