//! A provider of Constellation modules.
