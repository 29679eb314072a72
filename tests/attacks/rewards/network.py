"""Network: whom a reward would like to reach. Every address is a listener of the test, on this machine."""


def tcp():
    import socket

    with socket.create_connection(("127.0.0.1", TCP), 1) as connection:
        connection.sendall(NAME.encode())
    return True


def tcp_by_libc():
    address = b"\x02\x00" + TCP.to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
    descriptor = libc("socket", 2, 1, 0)
    libc("connect", descriptor, address, len(address))
    libc("send", descriptor, NAME.encode(), len(NAME), 0)
    return libc("close", descriptor) == 0


def udp_by_libc():
    address = b"\x02\x00" + UDP.to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
    return libc("sendto", libc("socket", 2, 2, 0), NAME.encode(), len(NAME), 0, address, len(address))


def dns_question():
    import socket

    label = NAME.encode()
    question = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + bytes([len(label)]) + label + b"\x04test\x00\x00\x10\x00\x01"
    return socket.socket(type=socket.SOCK_DGRAM).sendto(question, ("127.0.0.1", UDP))


def resolver():
    import socket

    return socket.getaddrinfo("localhost", TCP)


def unix_socket():
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(UNIX)
        connection.sendall(NAME.encode())
    return True


def abstract_unix_socket_by_libc():
    address = b"\x01\x00\x00" + ABSTRACT.encode()
    descriptor = libc("socket", 1, 1, 0)
    libc("connect", descriptor, address, len(address))
    return libc("send", descriptor, NAME.encode(), len(NAME), 0)


def listen():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()


def pair_of_sockets():
    return libc("socketpair", 1, 1, 0, (ctypes.c_int * 2)()) == 0


def netlink():
    return libc("socket", 16, 3, 0) >= 0
