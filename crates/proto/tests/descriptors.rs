//! Holds the hand-written subset of Spark's protocol against the descriptors in PySpark itself, for every supported version.

use std::collections::BTreeSet;
use std::path::Path;

use protox::prost_reflect::{
    Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor,
};
use sparkconnect_testkit::command;
use sparkconnect_testkit::spark::SparkHome;

const GET_STATUS: [&str; 6] = [
    "enum spark.connect.GetStatusResponse.OperationStatus.OperationState",
    "message spark.connect.GetStatusRequest",
    "message spark.connect.GetStatusRequest.OperationStatusRequest",
    "message spark.connect.GetStatusResponse",
    "message spark.connect.GetStatusResponse.OperationStatus",
    "method GetStatus",
];

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn ours() -> DescriptorPool {
    let root = here().join("../../proto");
    let mut compiler = protox::Compiler::new([root]).expect("proto/ can be read");
    compiler
        .open_file("spark/connect/base.proto")
        .expect("our protocol compiles");
    compiler.descriptor_pool()
}

fn theirs(version: &str) -> DescriptorPool {
    let home = SparkHome::ensure(version).expect("the Spark home");
    let mut dump = home.python();
    dump.arg(here().join("tests/dump_descriptors.py"));
    let hex = command::output(&mut dump).expect("PySpark dumps its descriptors");
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
        .collect();
    DescriptorPool::decode(bytes.as_slice()).expect("a descriptor set")
}

/// What two versions of a field must share to read each other's bytes alike.
fn shape(field: &FieldDescriptor) -> (String, u32, String, Cardinality, bool) {
    let kind = match field.kind() {
        Kind::Message(message) => format!("message {}", message.full_name()),
        Kind::Enum(names) => format!("enum {}", names.full_name()),
        scalar => format!("{scalar:?}"),
    };
    let presence = field.supports_presence();
    (
        field.name().to_owned(),
        field.number(),
        kind,
        field.cardinality(),
        presence,
    )
}

struct Comparison {
    theirs: DescriptorPool,
    lacking: BTreeSet<String>,
    differing: Vec<String>,
}

impl Comparison {
    fn message(&mut self, ours: &MessageDescriptor) {
        let Some(theirs) = self.theirs.get_message_by_name(ours.full_name()) else {
            self.lacking.insert(format!("message {}", ours.full_name()));
            return;
        };
        for field in ours.fields() {
            match theirs.get_field(field.number()) {
                None => {
                    self.lacking.insert(format!("field {}", field.full_name()));
                }
                Some(other) if shape(&other) != shape(&field) => {
                    self.differing
                        .push(format!("{:?} is {:?}", shape(&field), shape(&other)));
                }
                Some(_) => {}
            }
        }
    }

    fn names(&mut self, ours: &EnumDescriptor) {
        let Some(theirs) = self.theirs.get_enum_by_name(ours.full_name()) else {
            self.lacking.insert(format!("enum {}", ours.full_name()));
            return;
        };
        for value in ours.values() {
            match theirs.get_value_by_name(value.name()) {
                None => {
                    self.lacking.insert(format!("value {}", value.full_name()));
                }
                Some(other) if other.number() != value.number() => {
                    self.differing
                        .push(format!("{} is {}", value.full_name(), other.number()));
                }
                Some(_) => {}
            }
        }
    }

    fn methods(&mut self, ours: &DescriptorPool) {
        const SERVICE: &str = "spark.connect.SparkConnectService";
        let theirs = self
            .theirs
            .get_service_by_name(SERVICE)
            .expect("the service's name is right");
        for method in ours
            .get_service_by_name(SERVICE)
            .expect("our service")
            .methods()
        {
            let shape = |m: &protox::prost_reflect::MethodDescriptor| {
                let types = (
                    m.input().full_name().to_owned(),
                    m.output().full_name().to_owned(),
                );
                (types, m.is_client_streaming(), m.is_server_streaming())
            };
            match theirs.methods().find(|other| other.name() == method.name()) {
                None => {
                    self.lacking.insert(format!("method {}", method.name()));
                }
                Some(other) if shape(&other) != shape(&method) => {
                    self.differing
                        .push(format!("{:?} is {:?}", shape(&method), shape(&other)));
                }
                Some(_) => {}
            }
        }
    }
}

/// Compares everything of ours with `version`; it may lack exactly what is listed, and differ in nothing.
fn check(version: &str, may_lack: &[&str]) {
    let ours = ours();
    let mut comparison = Comparison {
        theirs: theirs(version),
        lacking: BTreeSet::new(),
        differing: Vec::new(),
    };
    ours.all_messages()
        .for_each(|message| comparison.message(&message));
    ours.all_enums().for_each(|names| comparison.names(&names));
    comparison.methods(&ours);
    assert_eq!(
        comparison.differing,
        Vec::<String>::new(),
        "differs from Spark {version}"
    );
    let expected: BTreeSet<String> = may_lack.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(comparison.lacking, expected, "what Spark {version} lacks");
}

#[test]
fn the_subset_agrees_with_4_0() {
    check("4.0.5", &GET_STATUS);
}

#[test]
fn the_subset_agrees_with_4_1() {
    check("4.1.4", &GET_STATUS);
}

#[test]
fn the_subset_agrees_with_4_2() {
    check("4.2.1", &[]);
}

#[test]
fn the_subset_agrees_with_4_3() {
    check("4.3.0", &[]);
}
