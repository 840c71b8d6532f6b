//! kubeflow's Spark operator, `sparkoperator.k8s.io/v1beta2`. Pure.

mod spec;
mod status;

pub(super) use self::spec::spec;
pub(super) use self::status::{application, driver};
