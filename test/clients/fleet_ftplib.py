"""Python's ftplib against a fleet, from an address of its own.

Usage: fleet_ftplib.py '{"port":…, "implicit":…, "user":…, "password":…, "ca":…, "address":…}' upload|download|list|resume NAME FILE
"""
import ftplib
import json
import os
import ssl
import sys

options = json.loads(sys.argv[1])
verb, name, file = sys.argv[2:5]


class Client(ftplib.FTP_TLS):
    _socket = None

    @property
    def sock(self):
        return self._socket

    @sock.setter
    def sock(self, value):
        if options["implicit"] and value is not None and not isinstance(value, ssl.SSLSocket):
            value = self.context.wrap_socket(value, server_hostname="localhost")
        self._socket = value


client = Client(context=ssl.create_default_context(cafile=options["ca"]), timeout=60, source_address=(options["address"], 0))
client.connect("localhost", options["port"])
if not options["implicit"]:
    client.auth()
client.login(options["user"], options["password"])
client.prot_p()
if verb == "upload":
    with open(file, "rb") as source:
        client.storbinary("STOR " + name, source)
elif verb == "download":
    with open(file, "wb") as target:
        client.retrbinary("RETR " + name, target.write)
elif verb == "list":
    print("\n".join(client.nlst()))
else:
    client.voidcmd("TYPE I")
    kept = client.size(name)
    assert 0 < kept < os.path.getsize(file), kept
    with open(file, "rb") as source:
        source.seek(kept)
        client.storbinary("STOR " + name, source, rest=kept)
client.quit()
