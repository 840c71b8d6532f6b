"""Prints, as hexadecimal, the FileDescriptorSet of the Spark Connect protocol that the installed PySpark carries."""

from google.protobuf import descriptor_pb2
from pyspark.sql.connect.proto import base_pb2


def collect(descriptor, seen, files):
    if descriptor.name in seen:
        return
    seen.add(descriptor.name)
    for dependency in descriptor.dependencies:
        collect(dependency, seen, files)
    descriptor.CopyToProto(files.file.add())


files = descriptor_pb2.FileDescriptorSet()
collect(base_pb2.DESCRIPTOR, set(), files)
print(files.SerializeToString().hex())
