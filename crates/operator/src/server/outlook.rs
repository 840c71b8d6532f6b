//! What a server tells those that wait for it, in the words of kstatus: Reconciling, Stalled, or neither. Pure.

use sparkconnect_api::Reason;
use sparkconnect_api::condition::{
    DEGRADED, INPUTS_RESOLVED, Observation, PROGRESSING, READY, RECONCILING, STALLED,
    VERSION_MATCHED,
};

use super::validate::Problem;

/// What follows from the other conditions: that waiting does not help, or that something is on its way. Never both.
pub fn outlook(problems: &[Problem], told: &[Observation]) -> Option<Observation> {
    let wrong = told.iter().filter(|it| is_wrong(it));
    let told_of = wrong.map(|it| (it.reason, &it.message));
    // A condition has the reason of its first problem: another one may be worse.
    let hidden = problems.iter().map(|it| (it.reason, &it.message));
    let mut causes = told_of.chain(hidden);
    if let Some((reason, message)) = causes.clone().find(|(reason, _)| !may_pass(*reason)) {
        return Some(Observation::yes(STALLED, reason, message));
    }
    // Until one replica serves, that it does not yet says more than how many are to.
    let moves = |it: &&Observation| {
        matches!(
            (it.type_, it.status),
            (READY, Some(false)) | (PROGRESSING, Some(true))
        )
    };
    let progress = told.iter().find(moves).map(|it| (it.reason, &it.message));
    let (reason, message) = causes.next().or(progress)?;
    Some(Observation::yes(RECONCILING, reason, message))
}

fn is_wrong(told: &Observation) -> bool {
    matches!(
        (told.type_, told.status),
        (VERSION_MATCHED | INPUTS_RESOLVED, Some(false)) | (DEGRADED, Some(true))
    )
}

/// Whether it may pass without a change of the server: what is missing comes, or room for its pods.
const fn may_pass(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::SecretNotFound
            | Reason::ConfigMapNotFound
            | Reason::KeyNotFound
            | Reason::Unschedulable
            | Reason::PodsRefused
            | Reason::ObjectsRefused
            | Reason::PodTrouble
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(condition: &'static str, reason: Reason) -> Problem {
        Problem {
            condition,
            reason,
            message: format!("{reason:?}"),
        }
    }

    fn says(problems: &[Problem], told: &[Observation]) -> Option<(&'static str, Reason)> {
        outlook(problems, told).map(|it| (it.type_, it.reason))
    }

    #[test]
    fn what_may_pass_is_on_its_way_and_what_may_not_is_stalled() {
        let version = |reason| Observation::no(VERSION_MATCHED, reason, "v");
        let inputs = |reason| Observation::no(INPUTS_RESOLVED, reason, "i");
        let degraded = |reason| Observation::yes(DEGRADED, reason, "d");
        for (told, expected) in [
            (version(Reason::VersionDiffers), STALLED),
            (version(Reason::VersionNotSupported), STALLED),
            (inputs(Reason::SecretNotFound), RECONCILING),
            (inputs(Reason::InvalidSetting), STALLED),
            (degraded(Reason::InvalidTemplate), STALLED),
            (degraded(Reason::ImageNotPulled), STALLED),
            (degraded(Reason::DriverFails), STALLED),
            (degraded(Reason::OutOfMemory), STALLED),
            (degraded(Reason::Unschedulable), RECONCILING),
            (degraded(Reason::PodsRefused), RECONCILING),
            (degraded(Reason::ObjectsRefused), RECONCILING),
        ] {
            let reason = told.reason;
            assert_eq!(says(&[], &[told]), Some((expected, reason)));
        }
    }

    #[test]
    fn progress_is_told_where_nothing_is_wrong_and_nothing_where_all_is_as_wanted() {
        let starts = Observation::yes(PROGRESSING, Reason::Starting, "0 of 1 replicas serve");
        let settled = Observation::no(PROGRESSING, Reason::Settled, "as wanted");
        let well = Observation::no(DEGRADED, Reason::AsExpected, "well");
        let fails = Observation::yes(DEGRADED, Reason::DriverFails, "demo-0: Error");
        assert_eq!(
            says(&[], &[starts.clone(), well.clone()]),
            Some((RECONCILING, Reason::Starting))
        );
        assert_eq!(says(&[], &[settled, well]), None);
        assert_eq!(
            says(&[], &[starts, fails]),
            Some((STALLED, Reason::DriverFails))
        );
    }

    #[test]
    fn a_problem_that_stays_is_told_though_one_that_may_pass_comes_first() {
        let first = problem(INPUTS_RESOLVED, Reason::SecretNotFound);
        let worse = problem(INPUTS_RESOLVED, Reason::InvalidSetting);
        let told = [Observation::no(
            INPUTS_RESOLVED,
            Reason::SecretNotFound,
            "both",
        )];
        assert_eq!(
            says(&[first, worse], &told),
            Some((STALLED, Reason::InvalidSetting))
        );
    }
}
