"""Python's ftplib as a client: stock (never resumes a TLS session) and with session reuse, explicit and implicit.

Usage: ftplib_client.py '{"port":…, "implicit":…, "reuse":…, "tls":"1.2"|"1.3", "user":…, "password":…, "ca":…}'
Runs every check, prints one line each, exits 1 on the first that fails.
"""
import ftplib
import io
import json
import os
import ssl
import sys

options = json.loads(sys.argv[1])
context = ssl.create_default_context(cafile=options["ca"])
version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[options["tls"]]
context.minimum_version = context.maximum_version = version


class Client(ftplib.FTP_TLS):
    _socket = None

    @property
    def sock(self):
        return self._socket

    @sock.setter
    def sock(self, value):
        if options["implicit"] and value is not None and not isinstance(value, ssl.SSLSocket):
            value = self.context.wrap_socket(value, server_hostname=self.host)
        self._socket = value

    def ntransfercmd(self, cmd, rest=None):
        if not options["reuse"]:
            return super().ntransfercmd(cmd, rest)
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        connection = self.context.wrap_socket(connection, server_hostname=self.host, session=self.sock.session)
        return connection, size


def connect():
    client = Client(context=context, timeout=30)
    client.connect("localhost", options["port"])
    if not options["implicit"]:
        client.auth()
    client.login(options["user"], options["password"])
    client.prot_p()
    return client


def read(client, name, rest=None):
    out = io.BytesIO()
    client.retrbinary("RETR " + name, out.write, rest=rest)
    return out.getvalue()


client = connect()
data = os.urandom(3_000_000)
folder = "ftplib %s %s %s" % (options["tls"], options["implicit"], options["reuse"])
client.mkd(folder)
client.cwd(folder)

for name in ["plain.bin", "with space.bin", 'with "quotes".bin', "\u00fcml\u00e4ut \u65e5\u672c.bin", "-dash.bin", "hash#percent%25.bin"]:
    client.storbinary("STOR " + name, io.BytesIO(data))
    assert client.size(name) == len(data), name
    assert read(client, name) == data, name
    assert name in client.nlst(), name
    assert name in [entry for entry, _ in client.mlsd()], name
    client.delete(name)
print("names ok")

client.storbinary("STOR empty", io.BytesIO(b""))
assert client.size("empty") == 0 and read(client, "empty") == b""
print("empty ok")

client.storbinary("STOR a.csv.tmp", io.BytesIO(data))
client.rename("a.csv.tmp", "a.csv")
assert read(client, "a.csv", rest=1_000_000) == data[1_000_000:]
client.storbinary("STOR b.csv", io.BytesIO(b"old"))
client.rename("a.csv", "b.csv")
assert read(client, "b.csv") == data
print("rename ok")

client.storbinary("APPE log", io.BytesIO(b"one "))
client.storbinary("APPE log", io.BytesIO(b"two"))
assert read(client, "log") == b"one two"
print("append ok")

big = os.urandom(12_000_000)
client.voidcmd("TYPE I")
connection = client.transfercmd("STOR cut.bin")
connection.sendall(big[:10_000_000])
connection.close()
try:
    client.voidresp()
    raise AssertionError("a cut upload was acknowledged")
except ftplib.error_temp as error:
    assert str(error).startswith("426"), error
kept = client.size("cut.bin")
assert 0 < kept < 10_000_000, kept
client.quit()
client = connect()
client.cwd(folder)
kept = client.size("cut.bin")
client.storbinary("STOR cut.bin", io.BytesIO(big[kept:]), rest=kept)
assert read(client, "cut.bin") == big
print("resume ok")

client.mkd("sub")
client.rename("sub", "sub2")
client.rmd("sub2")
for name in client.nlst():
    client.delete(name)
client.cwd("..")
client.rmd(folder)
client.quit()
print("all ok")
