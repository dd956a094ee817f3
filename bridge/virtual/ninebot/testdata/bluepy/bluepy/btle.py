"""The part of bluepy's interface that a client of a vehicle needs.

Peripheral.connect dials VEHICLE_SOCKET (host:port). Each line carries one write or
one notification: a characteristic and its bytes, in hexadecimal digits.
"""

import os
import socket

ADDR_TYPE_PUBLIC = "public"
ADDR_TYPE_RANDOM = "random"


class BTLEException(Exception):
    pass


class BTLEInternalError(BTLEException):
    pass


class BTLEDisconnectError(BTLEException):
    pass


class BTLEGattError(BTLEException):
    pass


class UUID:
    def __init__(self, value, commonName=None):
        text = "%08x" % value if isinstance(value, int) else str(value).replace("-", "")
        if len(text) <= 8:
            text = text.rjust(8, "0") + "00001000800000805f9b34fb"
        self.binVal = bytes.fromhex(text)

    def __str__(self):
        h = self.binVal.hex()
        return "-".join((h[:8], h[8:12], h[12:16], h[16:20], h[20:]))

    def __eq__(self, other):
        return self.binVal == UUID(str(other)).binVal

    def __hash__(self):
        return hash(self.binVal)

    def getCommonName(self):
        return str(self)


class AssignedNumbers:
    device_name = UUID(0x2A00)
    deviceName = UUID(0x2A00)
    client_characteristic_configuration = UUID(0x2902)
    clientCharacteristicConfiguration = UUID(0x2902)


class DefaultDelegate:
    def handleNotification(self, cHandle, data):
        pass

    def handleDiscovery(self, scanEntry, isNewDev, isNewData):
        pass


class Descriptor:
    def __init__(self, handle):
        self.handle = handle
        self.uuid = UUID(0x2902)

    def write(self, data, withResponse=False):
        pass

    def read(self):
        return b"\x00\x00"


class Characteristic:
    def __init__(self, peripheral, uuid, handle):
        self.peripheral = peripheral
        self.uuid = UUID(uuid)
        self.handle = self.valHandle = handle
        self.properties = 0x1C

    def getHandle(self):
        return self.handle

    def propertiesToString(self):
        if self.supportsRead():
            return "READ"
        return "WRITE NO RESPONSE WRITE" if str(self.uuid).startswith("6e400002") else "WRITE NO RESPONSE NOTIFY"

    def supportsRead(self):
        return self.uuid == AssignedNumbers.deviceName

    def read(self):
        return os.environ["VEHICLE_NAME"].encode()

    def write(self, data, withResponse=False):
        return self.peripheral.writeCharacteristic(self.handle, data, withResponse)

    def getDescriptors(self, forUUID=None, hndEnd=0xFFFF):
        return [Descriptor(self.handle + 1)]


class Peripheral:
    def __init__(self, deviceAddr=None, addrType=ADDR_TYPE_PUBLIC, iface=None):
        self.delegate = DefaultDelegate()
        self.sock = None
        self.buffer = b""
        names = os.environ["VEHICLE_CHARACTERISTICS"].split(",") + [str(AssignedNumbers.deviceName)]
        self.characteristics = [Characteristic(self, name, 0x10 + 4 * i) for i, name in enumerate(names)]
        if deviceAddr:
            self.connect(deviceAddr, addrType, iface)

    def connect(self, addr, addrType=ADDR_TYPE_PUBLIC, iface=None, timeout=None):
        host, port = os.environ["VEHICLE_SOCKET"].rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), 10)

    def disconnect(self):
        if self.sock:
            self.sock.close()
            self.sock = None

    def withDelegate(self, delegate):
        return self.setDelegate(delegate)

    def setDelegate(self, delegate):
        self.delegate = delegate
        return self

    def getServices(self):
        return []

    def getCharacteristics(self, startHnd=1, endHnd=0xFFFF, uuid=None):
        return [c for c in self.characteristics if uuid is None or c.uuid == uuid]

    def getDescriptors(self, startHnd=1, endHnd=0xFFFF):
        return [Descriptor(c.handle + 1) for c in self.characteristics]

    def setMTU(self, mtu):
        pass

    def writeCharacteristic(self, handle, data, withResponse=False):
        while self.waitForNotifications(0):  # bluepy hands over what arrived
            pass
        for c in self.characteristics:
            if c.handle == handle:
                self.sock.sendall(("%s %s\n" % (c.uuid, bytes(data).hex())).encode())
        return {"rsp": ["wr"]}

    def waitForNotifications(self, timeout):
        self.sock.settimeout(timeout or 0.01)
        try:
            while b"\n" not in self.buffer:
                more = self.sock.recv(4096)
                if not more:
                    raise BTLEDisconnectError("the vehicle is gone")
                self.buffer += more
        except (socket.timeout, BlockingIOError):
            return False
        line, self.buffer = self.buffer.split(b"\n", 1)
        name, data = line.decode().split()
        for c in self.characteristics:
            if c.uuid == name:
                self.delegate.handleNotification(c.handle, bytes.fromhex(data))
        return True
