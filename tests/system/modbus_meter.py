"""A meter on Modbus TCP (pymodbus): input registers of 32-bit floats, high word first, that a test sets while it runs."""
import asyncio
import importlib.machinery
import struct
import sys
import threading
import types

for name in ("serial", "serial_asyncio"):  # pymodbus imports them even to serve TCP; Debian only recommends them
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].create_serial_connection = None
        sys.modules[name].__spec__ = importlib.machinery.ModuleSpec(name, None)  # others look whether it is there

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext  # noqa: E402
from pymodbus.server.async_io import ModbusTcpServer  # noqa: E402


class Meter:
    """`with Meter(address, port) as meter`: meter.set(6, 12.5); meter.close() makes it silent, meter.open() brings it back."""

    def __init__(self, address, port):
        self.address, self.port = address, port
        self.slave = ModbusSlaveContext(ir=ModbusSequentialDataBlock(0, [0] * 100), zero_mode=True)
        self.context = ModbusServerContext(slaves={1: self.slave}, single=False)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.server = None

    def __enter__(self):
        self.thread.start()
        self.open()
        return self

    def __exit__(self, *_):
        self.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def open(self):
        async def serve():
            self.server = ModbusTcpServer(self.context, address=(self.address, self.port), allow_reuse_address=True)
            asyncio.ensure_future(self.server.serve_forever())
            await self.server.serving
        self.run(serve())

    def close(self):
        """It is silent from now on."""
        async def shut():
            await self.server.server_close()
        if self.server:
            self.run(shut())
            self.server = None

    def set(self, register, value):
        high, low = struct.unpack(">HH", struct.pack(">f", value))

        async def write():
            self.slave.setValues(4, register, [high, low])
        self.run(write())
