"""Opens the session that the command line made, and hands it as `spark` to a prompt or a program. SPARKCONNECT_SHELL says which."""

import json
import os
import runpy
import sys

NEVER = 2**31 - 1  # milliseconds


def open_session(told):
    import grpc
    from pyspark.sql.connect.client import core
    from pyspark.sql.connect.session import SparkSession

    options = [(f"grpc.max_{way}_message_length", told["max_message_size"]) for way in ("send", "receive")]
    if told["server_name"] is not None:
        options.append(("grpc.ssl_target_name_override", told["server_name"]))
    # PySpark 4.3 pings; servers before 4.3 take that for an attack. A gateway, which has TLS, does not.
    if not told["tls"]:
        options.append(("grpc.keepalive_time_ms", NEVER))

    class Builder(getattr(core, "DefaultChannelBuilder", core.ChannelBuilder)):
        # PySpark's own trusts the system's authorities alone.
        def toChannel(self):
            if not told["tls"]:
                return super().toChannel()
            credentials = grpc.ssl_channel_credentials(told["ca"] and told["ca"].encode())
            if told["token"] is not None:
                token = grpc.access_token_call_credentials(told["token"])
                credentials = grpc.composite_channel_credentials(credentials, token)
            if hasattr(self, "_secure_channel"):
                return self._secure_channel(self.endpoint, credentials)
            return grpc.secure_channel(self.endpoint, credentials, options=self._channel_options)

    # By these PySpark's functions make plans for Connect, and its own builder gives a program this session.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    os.environ["SPARK_REMOTE"] = told["url_without_token"]
    return SparkSession.builder.channelBuilder(Builder(told["url"], options)).create()


def run(program, names):
    if program[0] == "-c":
        sys.argv = ["-c", *program[2:]]
        exec(compile(program[1], "<string>", "exec"), names)
    elif program[0] == "-m":
        sys.argv = program[1:]
        runpy.run_module(program[1], init_globals=names, run_name="__main__", alter_sys=True)
    else:
        sys.argv = program
        sys.path[0] = os.path.dirname(os.path.abspath(program[0]))
        runpy.run_path(program[0], init_globals=names, run_name="__main__")


def prompt(banner, names):
    try:
        import IPython
        from traitlets.config import Config
    except ImportError:
        plain_prompt(banner, names)
        return
    config = Config()
    config.TerminalInteractiveShell.banner1 = banner + "\n"
    IPython.start_ipython(argv=[], user_ns=names, config=config)


def plain_prompt(banner, names):
    import code

    try:
        import readline
        import rlcompleter
    except ImportError:  # this Python was built without it
        pass
    else:
        readline.set_completer(rlcompleter.Completer(names).complete)
        readline.parse_and_bind("tab: complete")
    code.interact(banner, local=names, exitmsg="")


def main(told):
    names = {"__name__": "__main__", "__doc__": None, "spark": open_session(told)}
    if told["tutorial"] is not None:
        tutorial = {"names": names, "told": told["tutorial"]}
        exec(compile(told["tutorial"]["source"], "<tutorial>", "exec"), tutorial)
        names["step"] = tutorial["step"]
    if told["program"]:
        run(told["program"], names)
    elif sys.stdin.isatty():
        prompt(told["banner"], names)
    else:
        exec(compile(sys.stdin.read(), "<stdin>", "exec"), names)


# Without a file PySpark takes this for its own documentation's tests.
__file__ = "<startup>"
main(json.loads(os.environ.pop("SPARKCONNECT_SHELL")))
