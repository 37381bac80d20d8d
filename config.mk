# The only file with knobs. Each can be given on the command line or in the environment.

CC      ?= cc
CLANG   ?= clang
PREFIX  ?= /usr
BOARD   ?= qemu-x86_64
MINUTES ?= 1
V       ?= 0

STD     := -std=gnu11
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wno-unused-parameter
CFLAGS  ?= -O2 -g
SAN     := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# v3, not v4: Linux 6.1 does not know v4's instructions.
BPFFLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter -Wno-address-of-packed-member
LIBS    := libbpf libelf zlib libnl-3.0 libnl-route-3.0 libmosquitto libssl libcrypto inih libcap-ng libpcap libseccomp libmicrohttpd libcbor
