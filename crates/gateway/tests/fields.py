"""Prints the methods of Spark Connect that the installed PySpark knows, each with the fields of its request, and those of the user."""

import json

from pyspark.sql.connect.proto import base_pb2

service = base_pb2.DESCRIPTOR.services_by_name["SparkConnectService"]


def fields(message):
    return {field.name: field.number for field in message.fields}


methods = {method.name: fields(method.input_type) for method in service.methods}
print(json.dumps({"methods": methods, "user": fields(base_pb2.UserContext.DESCRIPTOR)}))
