/* The peer of the store's benchmark: a program in C that does a script's operations, a group in a transaction.
 *
 * replay DATABASE SCRIPT GROUP PRAGMA...        prints: operations seconds processor-seconds
 *
 * A script (little-endian, written by benchmarks/script.py): the number of statements, each a text; the
 * number of operations, each a number of steps, each a statement's place, a number of values, the values.
 * A text is its length and its bytes; a value is n | i and 8 bytes | f and 8 bytes | t and a text.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

static unsigned char *at;

static uint32_t number(void) {
    uint32_t value;
    memcpy(&value, at, 4);
    at += 4;
    return value;
}

static void check(sqlite3 *db, int code, const char *what) {
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
        fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
        exit(1);
    }
}

static void run(sqlite3 *db, const char *sql) {
    check(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

static void bind(sqlite3 *db, sqlite3_stmt *statement, int place) {
    int64_t whole;
    double real;
    uint32_t size;
    switch (*at++) {
    case 'n':
        check(db, sqlite3_bind_null(statement, place), "bind");
        break;
    case 'i':
        memcpy(&whole, at, 8);
        at += 8;
        check(db, sqlite3_bind_int64(statement, place, whole), "bind");
        break;
    case 'f':
        memcpy(&real, at, 8);
        at += 8;
        check(db, sqlite3_bind_double(statement, place, real), "bind");
        break;
    default:
        size = number();
        check(db, sqlite3_bind_text(statement, place, (char *)at, (int)size, SQLITE_STATIC), "bind");
        at += size;
    }
}

static volatile size_t looked_at;

/* Take every value of a row, as a program does that wants to know them. */
static void take(sqlite3_stmt *statement) {
    int columns = sqlite3_column_count(statement);
    for (int column = 0; column < columns; column++) {
        if (sqlite3_column_type(statement, column) == SQLITE_TEXT) {
            looked_at += strlen((const char *)sqlite3_column_text(statement, column));
        } else {
            looked_at += (size_t)sqlite3_column_int64(statement, column);
        }
    }
}

static void operation(sqlite3 *db, sqlite3_stmt **statements) {
    uint32_t steps = number();
    for (uint32_t step = 0; step < steps; step++) {
        sqlite3_stmt *statement = statements[number()];
        uint32_t values = number();
        if ((int)values != sqlite3_bind_parameter_count(statement)) {
            fprintf(stderr, "%u values for: %s\n", values, sqlite3_sql(statement));
            exit(1);
        }
        for (uint32_t place = 1; place <= values; place++) {
            bind(db, statement, (int)place);
        }
        int code;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
            take(statement);
        }
        check(db, code, sqlite3_sql(statement));
        sqlite3_reset(statement);
    }
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "replay DATABASE SCRIPT GROUP PRAGMA...\n");
        return 2;
    }
    FILE *file = fopen(argv[2], "rb");
    if (file == NULL) {
        perror(argv[2]);
        return 1;
    }
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    at = malloc(size);
    if (at == NULL || fread(at, 1, size, file) != size) {
        perror(argv[2]);
        return 1;
    }
    fclose(file);

    sqlite3 *db;
    check(NULL, sqlite3_open(argv[1], &db), argv[1]);
    for (int each = 4; each < argc; each++) {
        run(db, argv[each]);
    }
    uint32_t count = number();
    sqlite3_stmt **statements = calloc(count, sizeof *statements);
    for (uint32_t each = 0; each < count; each++) {
        uint32_t length = number();
        check(db, sqlite3_prepare_v3(db, (char *)at, (int)length, SQLITE_PREPARE_PERSISTENT,
                                     &statements[each], NULL), "prepare");
        at += length;
    }

    uint32_t operations = number(), group = (uint32_t)atoi(argv[3]);
    struct timespec begun, ended;
    clock_t busy = clock();
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (uint32_t done = 0; done < operations; done++) {
        if (done % group == 0) {
            run(db, "BEGIN IMMEDIATE");
        }
        operation(db, statements);
        if (done % group == group - 1 || done == operations - 1) {
            run(db, "COMMIT");
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%u %.6f %.6f\n", operations,
           (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9,
           (double)(clock() - busy) / CLOCKS_PER_SEC);
    return 0;
}
