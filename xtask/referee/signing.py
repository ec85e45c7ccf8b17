"""Signatures both ways with the OpenSSF's model-signing: pip install model-signing==1.1.1 pyopenssl; python signing.py SHIELDWALL [TREES]

Random trees are signed by one and verified by the other, changed, and verified again; then the faults of the reference are held
against the strict check. Prints counts; exits with 1 where a round trip failed.
"""

import contextlib
import io
import pathlib
import random
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import hashing, signing, verifying

program, trees = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100
chance = random.Random(1)
home = tempfile.mkdtemp()


def ours(*arguments):
    done = subprocess.run([program, "--data-dir", home, "model", *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def key(folder, curve):
    private = ec.generate_private_key(curve)
    secret, public = folder / "key.pem", folder / "key.pub"
    secret.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    secret.chmod(0o600)
    public.write_bytes(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return secret, public


def tree(folder):
    root = folder / f"model {chance.randrange(100)}"
    root.mkdir()
    for _ in range(chance.randrange(1, 12)):
        place = root
        for _ in range(chance.randrange(3)):
            place = place / chance.choice(["a", "b.c", "ü", "data 1", "weights"])
        place.mkdir(parents=True, exist_ok=True)
        name = chance.choice(["x.bin", "config.json", "model.safetensors", "z", "a.txt", "ñ.pt"])
        if not (place / name).is_dir():
            (place / name).write_bytes(chance.randbytes(chance.choice([0, 1, 10, 999, 1000, 1001, 5000])))
    return root


def reference(action):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            action()
            return True
        except Exception:
            return False


ways = {
    "sha256": (hashing.Config(), []),
    "blake2b": (hashing.Config().use_file_serialization(hashing_algorithm="blake2"), ["--algorithm", "blake2b"]),
    "blake3": (hashing.Config().use_file_serialization(hashing_algorithm="blake3"), ["--algorithm", "blake3"]),
    "shards": (
        hashing.Config().use_shard_serialization(hashing_algorithm="sha256", shard_size=1000),
        ["--shard-size", "1000"],
    ),
}
good, changed, failures = {}, {}, []
for number in range(trees):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        secret, public = key(folder, chance.choice([ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()]))
        root = tree(folder)
        way = chance.choice(list(ways))
        config, flags = ways[way]
        has_empty = any(file.is_file() and file.stat().st_size == 0 for file in root.rglob("*"))
        theirs, own = folder / "theirs.sig", folder / "ours.sig"
        code, said = ours("sign", root, "--key", secret, "-o", own, *flags)
        if code != 0:
            failures.append((number, way, "we did not sign", said))
            continue
        forth = reference(
            lambda: verifying.Config()
            .use_elliptic_key_verifier(public_key=public)
            .set_hashing_config(config.set_ignored_paths(paths=[], ignore_git_paths=False))
            .verify(root, own)
        )
        signed = reference(
            lambda: signing.Config().use_elliptic_key_signer(private_key=secret).set_hashing_config(config).sign(root, theirs)
        )
        allowed = []
        if way == "shards" and has_empty:
            for file in root.rglob("*"):
                if file.is_file() and file.stat().st_size == 0:
                    allowed += ["--allow-unsigned", file.relative_to(root).as_posix()]
        back, said = ours("verify", root, "--signature", theirs, "--public-key", public, *allowed)
        self_code, self_said = ours("verify", root, "--signature", own, "--public-key", public)
        ok = forth and signed and back == 0 and self_code == 0
        good[way] = good.get(way, [0, 0])
        good[way][0] += ok
        good[way][1] += 1
        if not ok:
            failures.append((number, way, (forth, signed, back, self_code), said + self_said))
        files = [file for file in root.rglob("*") if file.is_file()]
        victim = chance.choice(files)
        victim.write_bytes(victim.read_bytes() + b"!")
        after = [ours("verify", root, "--signature", sig, "--public-key", public)[0] for sig in (theirs, own)]
        changed[way] = changed.get(way, 0) + (after == [1, 1])
print(f"{'hash':8} both ways   change refused")
for way, (ok, of) in sorted(good.items()):
    print(f"{way:8} {ok:3} of {of:3}   {changed.get(way, 0):3} of {of:3}")
for failure in failures[:5]:
    print("FAILED", failure)
sys.exit(1 if failures else 0)
