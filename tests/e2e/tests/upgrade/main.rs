//! The installation as it changes and goes, with sessions at work: upgraded from the previous version, rolled back, restarted, and
//! uninstalled with and without the resource definitions. One test at a time has the cluster, and each leaves the present version on it.

mod previous;
mod release;
mod uninstall;
mod upgrade;
mod work;
