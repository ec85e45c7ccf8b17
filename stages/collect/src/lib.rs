//! paths → sources → [`Chunk`](shieldwall_schema::Chunk)s.
