//! The API server: whether it answers, whom it takes this user for, and its version. Does I/O in the functions that take a client.

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::PostParams;
use kube::{Api, Client};
use sparkconnect_client::Error;
use sparkconnect_client::kubernetes::{Cluster, told};

use super::report::Finding;

const SERVER: &str = "API server";
const VERSION: &str = "Kubernetes";

/// Oldest minor version of Kubernetes 1 that the product works on.
const OLDEST: u32 = 30;
/// Minor versions that it was tested on.
const TESTED: std::ops::RangeInclusive<u32> = 31..=35;

/// Whom the API server takes this user for.
pub(super) async fn who(client: &Client) -> Result<String, Error> {
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = reviews
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await;
    let review = review.map_err(|error| told(error, "asking the API server who asks"))?;
    let user = review.status.and_then(|status| status.user_info);
    Ok(user.and_then(|user| user.username).unwrap_or_default())
}

/// Whether it answers.
pub(super) fn answers(cluster: &Cluster, who: &Result<String, Error>) -> Finding {
    match who {
        Ok(user) => Finding::well(
            SERVER,
            format!("it answers {user}; the namespace is {}", cluster.namespace),
        ),
        Err(error) => Finding::failed(SERVER, error),
    }
}

/// That there is no cluster to ask.
pub(super) fn unconfigured(error: &Error) -> Finding {
    Finding::failed(SERVER, error)
}

/// Its version.
pub(super) async fn version(client: &Client) -> Finding {
    match client.apiserver_version().await {
        Ok(info) => judge(&info.major, &info.minor, &info.git_version),
        Err(error) => Finding::failed(VERSION, &told(error, "asking for the version")),
    }
}

fn judge(major: &str, minor: &str, version: &str) -> Finding {
    // Some distributions write `35+`.
    let digits = minor.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let tested = format!("1.{} to 1.{}", TESTED.start(), TESTED.end());
    match (major, digits.parse::<u32>()) {
        ("1", Ok(minor)) if TESTED.contains(&minor) => Finding::well(VERSION, version),
        ("1", Ok(minor)) if minor < OLDEST => Finding::wrong(
            VERSION,
            format!("{version} is older than 1.{OLDEST}, the first that the operator works on"),
        )
        .cure(format!("update the cluster; tested versions are {tested}")),
        _ => Finding::doubtful(VERSION, format!("{version} was not tested; {tested} were")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn versions_are_judged_by_what_was_tested() {
        let verdict = |minor: &str| judge("1", minor, "v1").verdict;
        assert_eq!(verdict("35"), Verdict::Well);
        assert_eq!(verdict("31+"), Verdict::Well);
        assert_eq!(verdict("30"), Verdict::Doubtful);
        assert_eq!(verdict("36"), Verdict::Doubtful);
        assert_eq!(verdict("29"), Verdict::Wrong);
        assert_eq!(verdict("x"), Verdict::Doubtful);
        assert_eq!(judge("2", "35", "v2").verdict, Verdict::Doubtful);
    }
}
