//! The server of the Constellation Module Provider Protocol.
