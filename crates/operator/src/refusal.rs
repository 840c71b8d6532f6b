//! What the API server said, in its own words: its client's errors show the whole answer, which no person wants to read in a
//! condition. No I/O.

/// The message of a failed call to the API server.
pub fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn only_the_message_of_a_refusal_is_shown() {
        let status = Status::failure("exceeded quota: small", "Forbidden").with_code(403);
        assert_eq!(
            said(&kube::Error::Api(status.boxed())),
            "exceeded quota: small"
        );
        assert!(!said(&kube::Error::LinesCodecMaxLineLengthExceeded).is_empty());
    }
}
