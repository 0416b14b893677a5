/* A Modbus server on libmodbus, the peer whose client and server most devices were tested with:
 *
 *   modbus_server_libmodbus tcp PORT        one connection after the other, on 127.0.0.1
 *   modbus_server_libmodbus rtu PATH UNIT
 *
 * Addresses 0..99 of each kind exist; register i holds i, coil and discrete i are on if i is odd. Says "ready" when it
 * listens. */
#include <errno.h>
#include <stdbool.h>

#include <modbus/modbus.h>

#define COUNT 100

static void serve(modbus_t *modbus, modbus_mapping_t *mapping)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    for (;;) {
        int len = modbus_receive(modbus, query);
        if (len > 0)
            (void)modbus_reply(modbus, query, len, mapping);
        else if (len < 0 && errno != EMBBADCRC)
            return;
    }
}

static void serve_tcp(modbus_t *modbus, modbus_mapping_t *mapping)
{
    int listener = modbus_tcp_listen(modbus, 1);
    printf("ready\n");
    while (listener >= 0 && modbus_tcp_accept(modbus, &listener) >= 0) {
        serve(modbus, mapping);
        modbus_close(modbus);
    }
}

static void serve_rtu(modbus_t *modbus, modbus_mapping_t *mapping, int unit)
{
    modbus_set_slave(modbus, unit);
    if (modbus_connect(modbus) < 0)
        return;
    printf("ready\n");
    serve(modbus, mapping);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    modbus_mapping_t *mapping = modbus_mapping_new(COUNT, COUNT, COUNT, COUNT);
    if (!mapping)
        return 1;
    for (int i = 0; i < COUNT; i++) {
        mapping->tab_registers[i] = mapping->tab_input_registers[i] = (uint16_t)i;
        mapping->tab_bits[i] = mapping->tab_input_bits[i] = i % 2 == 1;
    }
    int number = (int)strtol(argv[argc - 1], NULL, 10);
    bool tcp = strcmp(argv[1], "tcp") == 0;
    modbus_t *modbus = tcp ? modbus_new_tcp("127.0.0.1", number) : modbus_new_rtu(argv[2], 19200, 'N', 8, 1);
    if (modbus && tcp)
        serve_tcp(modbus, mapping);
    else if (modbus)
        serve_rtu(modbus, mapping, number);
    fprintf(stderr, "modbus_server_libmodbus: %s\n", modbus_strerror(errno));
    modbus_free(modbus);
    modbus_mapping_free(mapping);
    return 1;
}
