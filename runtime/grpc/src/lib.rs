//! gRPC over the platform's sockets.
