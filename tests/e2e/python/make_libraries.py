"""Fills a folder with what a server's dependencies name: jars of one class each, one of them in a Maven repository, a module, a
file and an archive. Argument: the folder."""

import pathlib
import struct
import sys
import zipfile

POM = """<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId><artifactId>answer</artifactId><version>1.0</version>
</project>
"""


def class_file(name, answer):
    """A public class with one method, `public static String answer()`: JVM specification, chapter 4, without a compiler."""

    def text(value):
        return struct.pack(">BH", 1, len(value)) + value.encode()

    texts = [name, "java/lang/Object", "answer", "()Ljava/lang/String;", "Code", answer]
    pool = b"".join(map(text, texts)) + struct.pack(">BHBHBH", 7, 1, 7, 2, 8, 6)  # 7: this, 8: Object, 9: the answer
    code = struct.pack(">HHI", 1, 0, 3) + bytes([0x12, 9, 0xB0]) + struct.pack(">HH", 0, 0)  # ldc, areturn
    method = struct.pack(">HHHHHI", 0x0009, 3, 4, 1, 5, len(code)) + code
    head = struct.pack(">IHHH", 0xCAFEBABE, 0, 49, 10) + pool
    return head + struct.pack(">HHHHHH", 0x0021, 7, 8, 0, 0, 1) + method + struct.pack(">H", 0)


def jar(place, name, answer):
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr(f"{name}.class", class_file(name, answer))


folder = pathlib.Path(sys.argv[1])
version = folder / "repository/org/example/answer/1.0"
version.mkdir(parents=True)
(version / "answer-1.0.pom").write_text(POM)
jar(version / "answer-1.0.jar", "Answer", "from a package")
jar(folder / "extra.jar", "Extra", "from a jar")
(folder / "helper.py").write_text("def answer():\n    return 'from a module'\n")
(folder / "lookup.txt").write_text("from a file")
with zipfile.ZipFile(folder / "tables.zip", "w") as tables:
    tables.writestr("table.txt", "from an archive")
