"""A Modbus server on pymodbus: pymodbus_server.py tcp|rtu|ascii PORT UNIT[:OFFSET]...

Every unit has addresses 0..99 of each kind but register 50, which is a hole (exception 2); register i holds i (+ OFFSET), coil and
discrete i are on if i is odd. Units that are not named do not answer. Says "ready" and its port (PORT 0: one that is free) when it
listens. RTU and ASCII go over TCP here; socat makes a serial line of it.
"""
import asyncio
import sys
import types

for name in ("serial", "serial_asyncio"):  # pymodbus imports them even to serve TCP; Debian only recommends them
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].create_serial_connection = None

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock  # noqa: E402
from pymodbus.server.async_io import ModbusTcpServer  # noqa: E402
from pymodbus.transaction import ModbusAsciiFramer, ModbusRtuFramer, ModbusSocketFramer  # noqa: E402

FRAMERS = {"tcp": ModbusSocketFramer, "rtu": ModbusRtuFramer, "ascii": ModbusAsciiFramer}


def unit(offset):
    registers = {i: i + offset for i in range(100) if i != 50}
    bits = {i: i % 2 == 1 for i in range(100)}
    return ModbusSlaveContext(di=ModbusSparseDataBlock(bits), co=ModbusSparseDataBlock(dict(bits)),
                              ir=ModbusSparseDataBlock(registers), hr=ModbusSparseDataBlock(dict(registers)), zero_mode=True)


async def main(framing, port, units):
    context = ModbusServerContext(slaves={int(u): unit(int(offset or 0)) for u, _, offset in (u.partition(":") for u in units)}, single=False)
    server = ModbusTcpServer(context, framer=FRAMERS[framing], address=("127.0.0.1", int(port)), allow_reuse_address=True,
                             ignore_missing_slaves=True)
    serving = asyncio.create_task(server.serve_forever())
    await server.serving
    print("ready", server.server.sockets[0].getsockname()[1], flush=True)
    await serving


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
