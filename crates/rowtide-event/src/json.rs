//! JSON in the server's binary form (json_binary.h).
