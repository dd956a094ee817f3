"""A Bluetooth proxy made of the parts of aioesphomeapi: its messages, its frames
and its encryption, with key argv[1] ("" for none). It says its port on stdout."""
import asyncio
import sys

from aioesphomeapi import api_pb2 as pb
from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO
from aioesphomeapi.noise import DecryptCipher, EncryptCipher, decode_noise_psk
from aioesphomeapi._frame_helper.noise import make_noise_packets
from aioesphomeapi._frame_helper.packets import make_plain_text_packets
from noise.connection import NoiseConnection

NUMBERS = {proto: number for number, proto in MESSAGE_TYPE_TO_PROTO.items()}
KEY = sys.argv[1]
MINI = 0xC0FFEE000001
RX, TX, CONFIG = 13, 15, 16
subscriber = None


def halves(text: str) -> list[int]:
    n = int(text.replace("-", ""), 16)
    return [n >> 64, n & (1 << 64) - 1]


class Client:
    def __init__(self, reader, writer) -> None:
        self.reader, self.writer, self.seal = reader, writer, None

    def send(self, *messages) -> None:
        packets = [(NUMBERS[type(m)], m.SerializeToString()) for m in messages]
        made = make_noise_packets(packets, self.seal) if self.seal else make_plain_text_packets(packets)
        self.writer.write(b"".join(made))

    async def frame(self) -> bytes:
        assert await self.reader.readexactly(1) == b"\x01"
        return await self.reader.readexactly(int.from_bytes(await self.reader.readexactly(2), "big"))

    async def number(self) -> int:
        n = shift = 0
        while True:
            b = (await self.reader.readexactly(1))[0]
            n |= (b & 0x7F) << shift
            shift += 7
            if b < 0x80:
                return n

    async def shake(self) -> None:
        assert await self.frame() == b""
        hello = b"\x01porch\x00c0ffee000000\x00"
        self.writer.write(b"\x01" + len(hello).to_bytes(2, "big") + hello)
        proto = NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
        proto.set_as_responder()
        proto.set_psks(decode_noise_psk(KEY))
        proto.set_prologue(b"NoiseAPIInit\x00\x00")
        proto.start_handshake()
        proto.read_message((await self.frame())[1:])
        ours = b"\x00" + bytes(proto.write_message())
        self.writer.write(b"\x01" + len(ours).to_bytes(2, "big") + ours)
        self.seal = EncryptCipher(proto.noise_protocol.cipher_state_encrypt)
        self.open = DecryptCipher(proto.noise_protocol.cipher_state_decrypt)

    async def receive(self):
        if self.seal:
            plain = bytes(self.open.decrypt(await self.frame()))
            number, data = int.from_bytes(plain[:2], "big"), plain[4:]
        else:
            assert await self.reader.readexactly(1) == b"\x00"
            size = await self.number()
            number = await self.number()
            data = await self.reader.readexactly(size)
        message = MESSAGE_TYPE_TO_PROTO[number]()
        message.ParseFromString(data)
        return message

    def chatter(self) -> None:
        global subscriber
        if subscriber is self:
            adverts = [
                pb.BluetoothLERawAdvertisement(address=0xA4C1380A1B2C, rssi=-67, address_type=0, data=bytes.fromhex("0201060e1695fe58585b05ca0e2b381ac1a4")),
                pb.BluetoothLERawAdvertisement(address=MINI, rssi=-90, address_type=1, data=bytes.fromhex("05094d696e6906ff4e42210300")),
            ]
            self.send(pb.BluetoothLERawAdvertisementsResponse(advertisements=adverts))
            asyncio.get_running_loop().call_later(0.1, self.chatter)

    def handle(self, m) -> None:
        global subscriber
        match m:
            case pb.HelloRequest():
                self.send(pb.HelloResponse(api_version_major=1, api_version_minor=14, server_info="porch", name="porch"))
            case pb.PingRequest():
                self.send(pb.PingResponse())
            case pb.DeviceInfoRequest():
                self.send(pb.DeviceInfoResponse(name="porch", esphome_version="2026.10.0", mac_address="C0:FF:EE:00:00:00", bluetooth_proxy_feature_flags=0x7F))
            case pb.SubscribeBluetoothConnectionsFreeRequest():
                self.send(pb.BluetoothConnectionsFreeResponse(free=3, limit=3))
            case pb.SubscribeBluetoothLEAdvertisementsRequest() if subscriber is None and m.flags == 1:
                subscriber = self
                self.send(pb.BluetoothScannerStateResponse(state=2, mode=1))
                self.chatter()
            case pb.UnsubscribeBluetoothLEAdvertisementsRequest() if subscriber is self:
                subscriber = None
            case pb.BluetoothDeviceRequest(request_type=pb.BLUETOOTH_DEVICE_REQUEST_TYPE_CONNECT_V3_WITHOUT_CACHE) if m.has_address_type and m.address_type == 1:
                self.send(pb.BluetoothDeviceConnectionResponse(address=m.address, connected=True, mtu=23))
            case pb.BluetoothDeviceRequest():
                print("disconnected", flush=True)
                self.send(pb.BluetoothDeviceConnectionResponse(address=m.address, connected=False))
            case pb.BluetoothGATTGetServicesRequest():
                rx = pb.BluetoothGATTCharacteristic(uuid=halves("6e400002-b5a3-f393-e0a9-e50e24dcca9e"), handle=RX, properties=0x0C)
                tx = pb.BluetoothGATTCharacteristic(uuid=halves("6e400003-b5a3-f393-e0a9-e50e24dcca9e"), handle=TX, properties=0x10)
                tx.descriptors.append(pb.BluetoothGATTDescriptor(uuid=halves("00002902-0000-1000-8000-00805f9b34fb"), handle=CONFIG))
                uart = pb.BluetoothGATTService(uuid=halves("6e400001-b5a3-f393-e0a9-e50e24dcca9e"), handle=12, characteristics=[rx, tx])
                battery = pb.BluetoothGATTService(short_uuid=0x180F, handle=20)
                battery.characteristics.append(pb.BluetoothGATTCharacteristic(short_uuid=0x2A19, handle=21, properties=2))
                self.send(pb.BluetoothGATTGetServicesResponse(address=m.address, services=[battery]))
                self.send(pb.BluetoothGATTGetServicesResponse(address=m.address, services=[uart]), pb.BluetoothGATTGetServicesDoneResponse(address=m.address))
            case pb.BluetoothGATTReadRequest():
                self.send(pb.BluetoothGATTReadResponse(address=m.address, handle=m.handle, data=b"\x63"))
            case pb.BluetoothGATTWriteRequest():
                if m.response:
                    self.send(pb.BluetoothGATTWriteResponse(address=m.address, handle=m.handle))
                self.send(pb.BluetoothGATTNotifyDataResponse(address=m.address, handle=TX, data=m.data.upper()))
            case pb.BluetoothGATTNotifyRequest() if m.enable:
                self.send(pb.BluetoothGATTNotifyResponse(address=m.address, handle=m.handle))
            case pb.BluetoothGATTWriteDescriptorRequest():
                print("descriptor", m.handle, m.data.hex(), flush=True)
            case pb.DisconnectRequest():
                self.send(pb.DisconnectResponse())


async def serve(reader, writer) -> None:
    global subscriber
    client = Client(reader, writer)
    try:
        if KEY:
            await client.shake()
        while True:
            client.handle(await client.receive())
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        if subscriber is client:
            subscriber = None
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
