"""Parquet, libsvm and RecordIO-protobuf, and files that are none of them."""
