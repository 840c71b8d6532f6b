//! The id of a call as its client sees it, in the metadata `x-request-id`: the client's own, or one that is made for it. Pure.

use http::{HeaderMap, HeaderName, HeaderValue};
use sparkconnect_telemetry::RequestId;

/// The metadata.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a call with these headers.
pub fn of(headers: &HeaderMap) -> RequestId {
    let given = || RequestId::given(headers.get(REQUEST_ID)?.to_str().ok()?);
    given().unwrap_or_default()
}

/// The id as the client gets it back.
pub fn header(id: &RequestId) -> HeaderValue {
    let mut value =
        HeaderValue::from_str(id.as_str()).expect("its characters are those of a header");
    // It comes but once, and would push what comes with every answer out of the table of headers that both sides remember.
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(value: &[u8]) -> RequestId {
        let value = HeaderValue::from_bytes(value).unwrap();
        of(&[(REQUEST_ID, value)].into_iter().collect())
    }

    #[test]
    fn a_client_has_its_own_id_unless_that_could_be_anything() {
        assert_eq!(named(b"notebook-7").as_str(), "notebook-7");
        let made = of(&HeaderMap::new());
        for odd in [&b"a b"[..], b"", b"\xe9", &[b'x'; 200]] {
            let id = named(odd);
            assert_eq!(id.as_str().len(), made.as_str().len(), "{odd:?}: {id}");
        }
        assert_eq!(header(&made), made.as_str());
    }
}
