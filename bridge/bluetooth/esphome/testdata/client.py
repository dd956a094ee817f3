"""aioesphomeapi, the client that Home Assistant uses, with a node at port argv[1]
and key argv[2] ("" for none). It says on stdout what it sees."""
import asyncio
import sys

from aioesphomeapi import APIClient

MINI = 0xC0FFEE000001
RX, TX = "6e400002-b5a3-f393-e0a9-e50e24dcca9e", "6e400003-b5a3-f393-e0a9-e50e24dcca9e"


async def main() -> None:
    client = APIClient("127.0.0.1", int(sys.argv[1]), None, noise_psk=sys.argv[2] or None)
    await client.connect(login=True)
    info = await client.device_info()
    print("info", info.name, info.esphome_version, info.bluetooth_proxy_feature_flags, flush=True)
    heard = asyncio.get_running_loop().create_future()

    def raw(message) -> None:
        for a in message.advertisements:
            if a.address == MINI and not heard.done():
                heard.set_result(f"advert {a.address:012X} {a.rssi} {a.address_type} {a.data.hex()}")

    client.subscribe_bluetooth_le_raw_advertisements(raw)
    print("subscribed", flush=True)
    try:
        print(await asyncio.wait_for(heard, 3), flush=True)
    except TimeoutError:
        print("silence", flush=True)
        await client.disconnect()
        return
    state = lambda connected, mtu, error: print("connection", connected, mtu, error, flush=True)
    stop = await client.bluetooth_device_connect(
        MINI, state, feature_flags=info.bluetooth_proxy_feature_flags, address_type=1
    )
    services = await client.bluetooth_gatt_get_services(MINI)
    handles = {c.uuid: c.handle for s in services.services for c in s.characteristics}
    print("handles", handles[RX], handles[TX], flush=True)
    said = asyncio.get_running_loop().create_future()
    await client.bluetooth_gatt_start_notify(MINI, handles[TX], lambda _, data: said.set_result(bytes(data)))
    await client.bluetooth_gatt_write(MINI, handles[RX], b"hello", True)
    print("notified", await asyncio.wait_for(said, 3), flush=True)
    print("read", bytes(await client.bluetooth_gatt_read(MINI, handles[RX])), flush=True)
    await client.bluetooth_device_disconnect(MINI)
    stop()
    await client.disconnect()


asyncio.run(main())
