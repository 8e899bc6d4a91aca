"""The agents' door: MCP over streamable HTTP on 127.0.0.1, one key per incarnation.

Who asks is proved by the key alone. The gate refuses everything foreign before the SDK sees a byte; the SDK
speaks the protocol; the desk decides. Only `sdk_app` imports the SDK, and only once agents are booting.
"""
