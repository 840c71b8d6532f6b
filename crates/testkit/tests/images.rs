//! The built images, run for real but without a cluster: their files, user and environment, confined by chroot. Needs root; builds
//! what is missing (minutes at the first time).

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use sparkconnect_testkit::command::{output, succeeds};
use sparkconnect_testkit::images::{CLASS_DATA_ARCHIVE, Container, Image, Program, Release};

const VERSION: &str = "4.1.4";

fn spark() -> Image {
    Image::Spark {
        version: VERSION.to_owned(),
    }
}

/// Runs `tests/images.py` in a container of the Spark image.
fn run_program(container: &Container, arguments: &[&str]) -> Result<String, String> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images.py");
    container.copy(&program, "/tmp/images.py").unwrap();
    let mut words = vec!["timeout", "300", "python3", "/tmp/images.py"];
    words.extend(arguments);
    output(&mut container.command(&words)).map_err(|error| error.to_string())
}

#[test]
fn a_spark_server_starts_from_the_archive_and_runs_python_functions() {
    let container = spark().container().unwrap();
    let said = run_program(&container, &[CLASS_DATA_ARCHIVE]).unwrap();
    // The program prints the user, what a Python and a pandas function returned, and from where Java took Spark's own class.
    assert!(said.contains("user 185"), "{said}");
    assert!(said.contains("udf [2, 3, 4]"), "{said}");
    assert!(said.contains("pandas_udf [2, 4, 6]"), "{said}");
    assert!(
        said.contains("SparkConnectServer from shared objects file (top)"),
        "{said}"
    );
}

#[test]
fn an_unfit_archive_would_be_noticed() {
    // The test above relies on `-Xshare:on` being strict: another file in the archive's place must end Java.
    let container = spark().container().unwrap();
    let error = run_program(&container, &["/opt/spark/requirements.txt"]).unwrap_err();
    assert!(error.contains("archive"), "{error}");
}

#[test]
fn the_spark_image_serves_what_kubernetes_and_spark_ask_of_it() {
    let container = spark().container().unwrap();
    let config = container.config().unwrap();
    assert_eq!(config["User"], "185", "{config}");
    assert_eq!(
        config["Entrypoint"],
        serde_json::json!(["/opt/entrypoint.sh"]),
        "{config}"
    );
    let run = |words: &[&str]| output(&mut container.command(words));
    assert_eq!(run(&["id", "-un"]).unwrap(), "spark");
    assert_eq!(
        run(&["/opt/entrypoint.sh", "echo", "passed on"]).unwrap(),
        "passed on"
    );
    run(&["test", "-x", "/opt/decom.sh"]).unwrap();
    run(&["test", "-r", CLASS_DATA_ARCHIVE]).unwrap();
    // An executor's command line, as far as Java comes without a driver.
    let executor = "env SPARK_EXECUTOR_MEMORY=64m SPARK_JAVA_OPT_0=-Dx=y SPARK_JAVA_OPT_1=--version \
        SPARK_DRIVER_URL=u SPARK_EXECUTOR_ID=1 SPARK_EXECUTOR_CORES=1 SPARK_APPLICATION_ID=a \
        SPARK_EXECUTOR_POD_IP=127.0.0.1 SPARK_RESOURCE_PROFILE_ID=0 SPARK_EXECUTOR_POD_NAME=p \
        /opt/entrypoint.sh executor";
    let words: Vec<&str> = executor.split_whitespace().collect();
    let version = run(&words).unwrap();
    assert!(version.starts_with("openjdk 17"), "{version}");
}

#[test]
fn the_images_of_the_programs_run_as_nobody_in_particular() {
    for (image, about) in [
        (Image::Operator, "Runs Spark Connect servers"),
        (Image::Gateway, "One TLS address"),
    ] {
        let container = image.container().unwrap();
        let config = container.config().unwrap();
        assert_eq!(config["User"], "65532:65532", "{config}");
        let entry = config["Entrypoint"][0].as_str().unwrap().to_owned();
        let help = output(&mut container.command(&[&entry, "--help"])).unwrap();
        assert!(help.starts_with(about), "{help}");
    }
}

#[test]
fn the_images_of_the_programs_have_what_they_need_and_nothing_of_this_machine() {
    for (image, name) in [(Image::Operator, "operator"), (Image::Gateway, "gateway")] {
        let container = image.container().unwrap();
        let root = container.root().unwrap();
        let roots = root.join("etc/ssl/certs/ca-certificates.crt");
        let roots = std::fs::read_to_string(roots).unwrap();
        let count = roots.matches("BEGIN CERTIFICATE").count();
        assert!(count > 100, "{count} certificate authorities");
        for absent in ["bin/sh", "usr/bin", "usr/sbin", "etc/apt"] {
            assert!(!root.join(absent).exists(), "{absent}");
        }
        let program = root.join(format!("usr/local/bin/sparkconnect-{name}"));
        let names = |text: &str| {
            let mut grep = Command::new("grep");
            succeeds(
                grep.args(["--text", "--quiet", "--fixed-strings", text])
                    .arg(&program),
            )
        };
        assert!(names("/crates/tokio-"), "grep finds what is there");
        let checkout = env!("CARGO_MANIFEST_DIR")
            .strip_suffix("/crates/testkit")
            .unwrap();
        for place in [checkout, "/registry/src/"] {
            assert!(!names(place), "{name} tells of {place}");
        }
    }
}

#[test]
fn the_same_program_is_the_same_image() {
    let release = Release {
        profile: "image".to_owned(),
        revision: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        created: "2001-09-09T01:46:40Z".to_owned(),
        timestamp: 1_000_000_000,
    };
    for (program, image) in Program::ALL
        .into_iter()
        .zip([Image::Operator, Image::Gateway])
    {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("out")).unwrap();
        let name = format!("sparkconnect-{}", program.name());
        let container = image.container().unwrap();
        let binary = container.root().unwrap().join("usr/local/bin").join(&name);
        std::fs::copy(binary, folder.path().join("out").join(&name)).unwrap();
        let made = || {
            let archive = folder.path().join("image.tar");
            let digest = release.image(folder.path(), program, &archive).unwrap();
            (digest, std::fs::read(archive).unwrap())
        };
        let (first, second) = (made(), made());
        assert_eq!(first.0, second.0, "{program:?}");
        assert!(first.1 == second.1, "the archives of {program:?} differ");
    }
}

#[test]
fn an_image_carries_two_names_and_is_built_once() {
    let first = spark().build().unwrap();
    let before = std::fs::metadata(&first.archive)
        .unwrap()
        .modified()
        .unwrap();
    let began = Instant::now();
    assert_eq!(spark().build().unwrap(), first);
    eprintln!("a look-up took {:?}", began.elapsed());
    assert_eq!(
        std::fs::metadata(&first.archive)
            .unwrap()
            .modified()
            .unwrap(),
        before
    );
    let mut tar = Command::new("tar");
    let manifest = output(tar.args(["-xOf"]).arg(&first.archive).arg("manifest.json")).unwrap();
    for name in [&first.name, &first.alias] {
        assert!(
            manifest.contains(name.as_str()),
            "{name} is not in {manifest}"
        );
    }
}
