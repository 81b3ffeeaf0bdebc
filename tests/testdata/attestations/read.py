"""Reads an attestation with other people's implementations: securesystemslib (DSSE) and in-toto-attestation (Statement v1).

usage: read.py ATTESTATION PUBLIC_KEY PAYLOAD; the key in OpenSSH's form. Writes the payload, prints its subject and kind.
"""

import base64
import hashlib
import json
import sys
import warnings

warnings.simplefilter("ignore")

from cryptography.hazmat.primitives.serialization import load_ssh_public_key  # noqa: E402
from google.protobuf import json_format  # noqa: E402
from in_toto_attestation.v1 import statement_pb2  # noqa: E402
from in_toto_attestation.v1.statement import Statement  # noqa: E402
from securesystemslib.dsse import Envelope  # noqa: E402
from securesystemslib.signer import SSlibKey  # noqa: E402

attestation, public_key, payload = sys.argv[1:]
with open(public_key, "rb") as file:
    line = file.read()
blob = base64.b64decode(line.split()[1])
fingerprint = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
key = SSlibKey.from_crypto(load_ssh_public_key(line), keyid=f"SHA256:{fingerprint}")
with open(attestation) as file:
    envelope = Envelope.from_dict(json.load(file))
assert list(envelope.verify([key], 1)) == [key.keyid]
parsed = json_format.Parse(envelope.payload, statement_pb2.Statement())
statement = Statement.copy_from_pb(parsed)
statement.validate()
with open(payload, "wb") as file:
    file.write(envelope.payload)
print(statement.pb.subject[0].digest["gitTree"], statement.pb.predicate_type)
