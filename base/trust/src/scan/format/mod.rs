//! The formats that are read: one file each, and one line in the list below.

mod gguf;
mod hdf5;
mod npy;
mod onnx;
mod pickle;
mod safetensors;
mod savedmodel;
mod sentencepiece;
mod sevenz;
mod tar;
mod text;
mod ubjson;
mod wrapped;
mod zip;

use crate::scan::Format;

/// Every format, in the order in which they are asked. The order changes nothing but the order of findings.
pub const FORMATS: &[&dyn Format] = &[
    &zip::Zip,
    &tar::Tar,
    &sevenz::SevenZip,
    &wrapped::Wrapped::Gzip,
    &wrapped::Wrapped::Zlib,
    &wrapped::Wrapped::Bzip2,
    &wrapped::Wrapped::Xz,
    &wrapped::Wrapped::Lzma,
    &wrapped::Wrapped::Lz4,
    &wrapped::Wrapped::Zstandard,
    &wrapped::Wrapped::OldJoblib,
    &safetensors::Safetensors,
    &gguf::Gguf,
    &onnx::Onnx,
    &onnx::Tensor,
    &savedmodel::SavedModel::Model,
    &savedmodel::SavedModel::MetaGraph,
    &savedmodel::SavedModel::Graph,
    &savedmodel::SavedModel::Keras,
    &hdf5::Hdf5,
    &sentencepiece::SentencePiece,
    &ubjson::Ubjson,
    &npy::Npy,
    &pickle::Pickle,
    &text::Text,
];
