/* Turns a capture into counters per conversation, and says what CPU time that took: the limit that podfence's
 * capture kernel is measured against.
 *
 *     gcc -O3 -march=native yardstick.c -o yardstick
 *     ./yardstick FILE [TIMES]
 *
 * The job: map the file, walk its records (pcap us and ns, pcapng; both byte orders), decode Ethernet, VLAN tags,
 * IPv4, IPv6 with extension headers and the ports, find the conversation in a hash table, and add to it: packets and
 * bytes of either side, earliest and latest time, the TCP flags seen of either side. It believes every length as far
 * as it must to stay inside the file, and nothing more is made of the packets: no initiator, no outcome, no table to
 * read. So it does less than podfence must, and podfence cannot be expected to reach it.
 *
 * One line of JSON: packets, how many made no flow, flows, bytes (as framed), and the CPU seconds of each of TIMES
 * rounds, from opening the file to the full table.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define INLINE static inline __attribute__((always_inline))
#define BATCH 64 /* packets decoded before their conversations are looked up: the look-ups' cache misses overlap */

typedef struct {
    uint64_t low_hi, low_lo, high_hi, high_lo; /* the lower end's address, the higher end's */
    uint32_t ports;                            /* the lower end's << 16 | the higher end's */
    uint32_t protocol;                         /* | 256 for IPv6 */
} Key;

typedef struct {
    Key key;
    uint64_t packets[2], bytes[2]; /* sent by the lower end, by the higher end */
    uint64_t first, last;
    uint32_t flags; /* TCP flags of the lower end | of the higher end << 8 */
} Flow;

typedef struct {
    Key key;
    uint64_t time, hash;
    uint32_t bytes, from, flags;
} Packet;

/* Flows lie one behind the other; `index` holds 1 + the number of the flow, 0 where there is none. */
typedef struct {
    uint32_t *index;
    Flow *flows;
    uint64_t places, count, room;
    uint64_t packets, skipped;
} Table;

INLINE uint32_t load32(const uint8_t *at, int swap) {
    uint32_t value;
    memcpy(&value, at, 4);
    return swap ? __builtin_bswap32(value) : value;
}

INLINE uint64_t load64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, 8);
    return value;
}

INLINE uint32_t big16(const uint8_t *at) {
    return (uint32_t)at[0] << 8 | at[1];
}

INLINE uint64_t fold(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

INLINE uint64_t hash_of(const Key *key) {
    uint64_t rest = (uint64_t)key->ports << 32 | key->protocol;
    uint64_t low = key->low_lo ^ (key->low_hi << 1 | key->low_hi >> 63);
    uint64_t high = key->high_lo ^ (key->high_hi << 1 | key->high_hi >> 63);
    return fold(fold(low ^ 0x9E3779B97F4A7C15u, high ^ 0xD6E8FEB86659FD93u) ^ rest, 0xA0761D6478BD642Fu);
}

INLINE int same(const Key *a, const Key *b) {
    return !((a->low_hi ^ b->low_hi) | (a->low_lo ^ b->low_lo) | (a->high_hi ^ b->high_hi) |
             (a->high_lo ^ b->high_lo) | (a->ports ^ b->ports) | (a->protocol ^ b->protocol));
}

static void *need(void *memory) {
    if (!memory) {
        perror("yardstick");
        exit(1);
    }
    return memory;
}

static void widen_index(Table *table) {
    free(table->index);
    table->places *= 2;
    table->index = need(calloc(table->places, sizeof *table->index));
    for (uint64_t number = 0; number < table->count; number++) {
        uint64_t place = hash_of(&table->flows[number].key) & (table->places - 1);
        while (table->index[place])
            place = (place + 1) & (table->places - 1);
        table->index[place] = (uint32_t)number + 1;
    }
}

static Flow *new_flow(Table *table, const Packet *packet) {
    if (table->count * 2 >= table->places)
        widen_index(table);
    if (table->count == table->room) {
        table->room *= 2;
        table->flows = need(realloc(table->flows, table->room * sizeof *table->flows));
    }
    uint64_t place = packet->hash & (table->places - 1);
    while (table->index[place])
        place = (place + 1) & (table->places - 1);
    Flow *flow = table->flows + table->count++;
    table->index[place] = (uint32_t)table->count;
    memset(flow, 0, sizeof *flow);
    flow->key = packet->key;
    flow->first = UINT64_MAX;
    return flow;
}

INLINE void count_packet(Table *table, const Packet *packet) {
    uint64_t place = packet->hash & (table->places - 1);
    Flow *flow = 0;
    for (uint32_t number; (number = table->index[place]); place = (place + 1) & (table->places - 1)) {
        if (same(&table->flows[number - 1].key, &packet->key)) {
            flow = table->flows + number - 1;
            break;
        }
    }
    if (!flow)
        flow = new_flow(table, packet);
    flow->packets[packet->from]++;
    flow->bytes[packet->from] += packet->bytes;
    if (packet->time < flow->first)
        flow->first = packet->time;
    if (packet->time > flow->last)
        flow->last = packet->time;
    flow->flags |= packet->flags << (packet->from * 8);
}

/* Read the headers of one frame; 0 where it is no IP that can be read. */
INLINE int decode(const uint8_t *at, uint32_t caught, Packet *packet) {
    const uint8_t *end = at + caught, *payload;
    if (caught < 14)
        return 0;
    uint32_t type = big16(at + 12);
    at += 14;
    while (type == 0x8100 || type == 0x88A8) {
        if (end - at < 4)
            return 0;
        type = big16(at + 2);
        at += 4;
    }
    uint64_t src_hi = 0, src_lo, dst_hi = 0, dst_lo;
    uint32_t protocol, family = 0;
    if (type == 0x0800) {
        if (end - at < 20)
            return 0;
        protocol = at[9];
        src_lo = load32(at + 12, 0);
        dst_lo = load32(at + 16, 0);
        payload = at + (at[0] & 15) * 4;
        if ((big16(at + 6) & 0x1FFF) != 0)
            payload = end; /* a later fragment has no ports */
    } else if (type == 0x86DD) {
        if (end - at < 40)
            return 0;
        family = 256;
        protocol = at[6];
        src_hi = load64(at + 8);
        src_lo = load64(at + 16);
        dst_hi = load64(at + 24);
        dst_lo = load64(at + 32);
        payload = at + 40;
        while ((protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 || protocol == 60) &&
               end - payload >= 8) {
            uint32_t size = protocol == 44 ? 8 : protocol == 51 ? (payload[1] + 2u) * 4 : (payload[1] + 1u) * 8;
            protocol = payload[0];
            payload += size;
        }
    } else {
        return 0;
    }
    uint32_t src_port = 0, dst_port = 0, flags = 0;
    if ((protocol == 6 || protocol == 17 || protocol == 132) && end - payload >= 4) {
        src_port = big16(payload);
        dst_port = big16(payload + 2);
        if (protocol == 6 && end - payload >= 14)
            flags = payload[13];
    }
    uint32_t turn = src_hi != dst_hi ? src_hi > dst_hi : src_lo != dst_lo ? src_lo > dst_lo : src_port > dst_port;
    packet->key.low_hi = turn ? dst_hi : src_hi;
    packet->key.low_lo = turn ? dst_lo : src_lo;
    packet->key.high_hi = turn ? src_hi : dst_hi;
    packet->key.high_lo = turn ? src_lo : dst_lo;
    packet->key.ports = turn ? dst_port << 16 | src_port : src_port << 16 | dst_port;
    packet->key.protocol = protocol | family;
    packet->from = turn;
    packet->flags = flags;
    packet->hash = hash_of(&packet->key);
    return 1;
}

/* Where the records of a capture are, and in which unit its times are: nanoseconds per `tick`. */
typedef struct {
    const uint8_t *at, *end;
    uint64_t tick;
} Walk;

/* Step to the next packet of a pcap; 0 at the end. */
INLINE const uint8_t *next_record(Walk *walk, int swap, uint32_t *caught, Packet *packet) {
    if (walk->end - walk->at < 16)
        return 0;
    const uint8_t *frame = walk->at + 16;
    *caught = load32(walk->at + 8, swap);
    if (*caught > (uint64_t)(walk->end - frame))
        return 0;
    packet->time = load32(walk->at, swap) * UINT64_C(1000000000) + load32(walk->at + 4, swap) * walk->tick;
    packet->bytes = load32(walk->at + 12, swap);
    walk->at = frame + *caught;
    return frame;
}

/* Take the unit of an interface's times from its options. */
static void read_interface(Walk *walk, const uint8_t *at, const uint8_t *end, int swap) {
    walk->tick = 1000;
    for (at += 16; end - at >= 8;) {
        uint32_t head = load32(at, swap), code = swap ? head >> 16 : head & 0xFFFF;
        uint32_t size = swap ? head & 0xFFFF : head >> 16;
        if (code == 9) {
            walk->tick = 1;
            for (int digits = at[4]; digits < 9; digits++)
                walk->tick *= 10;
        }
        at += 4 + ((size + 3) & ~3u);
    }
}

/* Step to the next enhanced packet block of a pcapng; 0 at the end. All sections have the first one's byte order. */
INLINE const uint8_t *next_block(Walk *walk, int swap, uint32_t *caught, Packet *packet) {
    while (walk->end - walk->at >= 12) {
        const uint8_t *block = walk->at;
        uint32_t type = load32(block, swap), size = load32(block + 4, swap);
        if (size < 12 || size > (uint64_t)(walk->end - block))
            return 0;
        walk->at += size;
        if (__builtin_expect(type == 6 && size >= 32, 1)) {
            uint64_t time = (uint64_t)load32(block + 12, swap) << 32 | load32(block + 16, swap);
            packet->time = time * walk->tick;
            packet->bytes = load32(block + 24, swap);
            *caught = load32(block + 20, swap);
            return *caught > size - 32 ? 0 : block + 28;
        }
        if (type == 1 && size >= 20)
            read_interface(walk, block, walk->at - 4, swap);
    }
    return 0;
}

INLINE void aggregate(Table *table, Walk walk, int blocks, int swap) {
    Packet batch[BATCH];
    for (int more = 1; more;) {
        int filled = 0;
        while (filled < BATCH) {
            Packet *packet = batch + filled;
            uint32_t caught;
            const uint8_t *frame =
                blocks ? next_block(&walk, swap, &caught, packet) : next_record(&walk, swap, &caught, packet);
            if (!frame) {
                more = 0;
                break;
            }
            table->packets++;
            if (!decode(frame, caught, packet)) {
                table->skipped++;
                continue;
            }
            __builtin_prefetch(table->index + (packet->hash & (table->places - 1)));
            filled++;
        }
        for (int i = 0; i < filled; i++) {
            uint32_t number = table->index[batch[i].hash & (table->places - 1)];
            if (number) {
                __builtin_prefetch(table->flows + number - 1);
                __builtin_prefetch((const char *)(table->flows + number - 1) + 64);
            }
        }
        for (int i = 0; i < filled; i++)
            count_packet(table, batch + i);
    }
}

static int read_capture(Table *table, const uint8_t *file, uint64_t size) {
    Walk walk = {file + 24, file + size, 1000};
    if (size < 28)
        return 0;
    uint32_t magic = load32(file, 0);
    if (magic == 0x0A0D0D0A) {
        walk.at = file;
        if (load32(file + 8, 0) == 0x1A2B3C4D)
            aggregate(table, walk, 1, 0);
        else
            aggregate(table, walk, 1, 1);
        return 1;
    }
    int swap = magic == 0xD4C3B2A1 || magic == 0x4D3CB2A1;
    if (swap)
        magic = __builtin_bswap32(magic);
    if (magic == 0xA1B23C4D)
        walk.tick = 1;
    else if (magic != 0xA1B2C3D4)
        return 0;
    if (swap)
        aggregate(table, walk, 0, 1);
    else
        aggregate(table, walk, 0, 0);
    return 1;
}

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double one_round(const char *name, Table *table) {
    double begun = cpu_seconds();
    int file = open(name, O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status)) {
        perror(name);
        exit(1);
    }
    uint64_t size = (uint64_t)status.st_size;
    void *content = mmap(0, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    if (content == MAP_FAILED) {
        perror(name);
        exit(1);
    }
    memset(table, 0, sizeof *table);
    table->places = 1 << 13;
    table->room = 1 << 12;
    table->index = need(calloc(table->places, sizeof *table->index));
    table->flows = need(malloc(table->room * sizeof *table->flows));
    if (!read_capture(table, content, size)) {
        fprintf(stderr, "%s: no capture\n", name);
        exit(1);
    }
    double spent = cpu_seconds() - begun;
    munmap(content, size);
    close(file);
    return spent;
}

int main(int count, char **words) {
    int times = count > 2 ? atoi(words[2]) : 1;
    if (count < 2 || times < 1) {
        fprintf(stderr, "usage: yardstick FILE [TIMES]\n");
        return 2;
    }
    double *seconds = need(calloc((size_t)times, sizeof *seconds));
    Table table = {0};
    for (int round = 0; round < times; round++) {
        free(table.index);
        free(table.flows);
        seconds[round] = one_round(words[1], &table);
    }
    uint64_t bytes = 0;
    for (uint64_t number = 0; number < table.count; number++)
        bytes += table.flows[number].bytes[0] + table.flows[number].bytes[1];
    printf("{\"packets\": %lu, \"skipped\": %lu, \"flows\": %lu, \"bytes\": %lu, \"seconds\": [", table.packets,
           table.skipped, table.count, bytes);
    for (int round = 0; round < times; round++)
        printf("%s%.6f", round ? ", " : "", seconds[round]);
    printf("]}\n");
    return 0;
}
