//! Apache's Spark operator, `spark.apache.org/v1`. Pure.

mod spec;
mod status;

pub(super) use self::spec::spec;
pub(super) use self::status::application;
