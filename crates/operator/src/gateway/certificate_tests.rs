use super::*;

const HOST: &str = "gateway.example.com";

fn at(date: &str) -> Timestamp {
    format!("{date}T12:00:00Z").parse().unwrap()
}

fn leaf(host: &str, made: &str) -> Leaf {
    let ca = Ca::make(at(made)).unwrap();
    ca.issue(&names(host, "ns"), at(made)).unwrap()
}

#[test]
fn a_certificate_serves_every_name_of_the_gateway() {
    for host in [
        HOST,
        "192.0.2.1",
        "2001:db8::1",
        "sparkconnect-gateway.ns.svc",
    ] {
        let leaf = leaf(host, "2026-03-01");
        for name in [
            host,
            "sparkconnect-gateway",
            "sparkconnect-gateway.ns",
            "sparkconnect-gateway.ns.svc",
        ] {
            let serves = leaf.serves(&[name.to_owned()], at("2026-03-01"));
            assert!(serves, "{host}: {name}");
        }
        let other = "other.example.com".to_owned();
        assert!(!leaf.serves(&[other], at("2026-03-01")), "{host}");
    }
}

#[test]
fn a_certificate_serves_until_a_third_of_its_life_is_left() {
    let (leaf, names) = (leaf(HOST, "2026-03-01"), names(HOST, "ns"));
    for (day, serves) in [
        ("2026-02-27", false),
        ("2026-03-01", true),
        ("2026-10-29", true),
        ("2026-10-31", false),
        ("2027-03-02", false),
    ] {
        assert_eq!(leaf.serves(&names, at(day)), serves, "{day}");
    }
}

#[test]
fn a_certificate_of_other_keys_serves_nobody() {
    let (one, other) = (leaf(HOST, "2026-03-01"), leaf(HOST, "2026-03-01"));
    let (names, now) = (names(HOST, "ns"), at("2026-03-01"));
    assert!(one.serves(&names, now));
    let other_key = Leaf {
        key: other.key.clone(),
        ..one.clone()
    };
    assert!(!other_key.serves(&names, now));
    let other_authority = Leaf {
        authority: other.authority,
        ..one.clone()
    };
    assert!(!other_authority.serves(&names, now));
    for broken in [String::new(), "PEM".to_owned()] {
        let broken = Leaf {
            certificate: broken,
            ..one.clone()
        };
        assert!(!broken.serves(&names, now));
    }
}

#[test]
fn both_come_back_from_their_secrets() {
    let (names, now) = (names(HOST, "ns"), at("2026-03-01"));
    let data = Ca::make(now).unwrap().data();
    let later = at("2030-03-01");
    let leaf = Ca::read(&data).unwrap().issue(&names, later).unwrap();
    assert!(leaf.serves(&names, later), "the same authority signs");
    assert_eq!(leaf.data()[AUTHORITY], data[CERTIFICATE]);
    assert!(Leaf::read(&leaf.data()).unwrap().serves(&names, later));
    for entry in [MADE, CERTIFICATE, KEY] {
        let mut data = data.clone();
        data.remove(entry);
        assert!(Ca::read(&data).is_none(), "{entry}");
        let mut data = leaf.data();
        data.remove(entry);
        assert_eq!(Leaf::read(&data).is_none(), entry != MADE, "{entry}");
    }
}

#[test]
fn an_authority_outlasts_what_it_signs() {
    let ca = Ca::make(at("2026-03-01")).unwrap();
    for (day, lasts) in [
        ("2026-03-01", true),
        ("2035-03-01", true),
        ("2035-03-03", false),
        ("2040-01-01", false),
    ] {
        assert_eq!(ca.lasts(at(day)), lasts, "{day}");
    }
}
