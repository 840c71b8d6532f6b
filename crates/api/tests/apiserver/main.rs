//! The generated definitions on a real API server: what each rule and bound refuses and lets pass, defaults, subresources, and
//! what kubectl shows; and the policy on sessions' users. One server for all of it.

mod behaviour;
mod bounds;
mod cases;
mod examples;
mod fixture;
mod policy;
mod schema;
