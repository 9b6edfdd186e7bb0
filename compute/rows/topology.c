/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image may lower what its flavor allows, and prefers before it. Of all that is possible the one is chosen that has most of what is preferred, then fewest threads, then
 * most sockets.
 */
#include "compute/rows/topology.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define NO_LIMIT 65536 /* Nova's */

enum { SOCKETS, CORES, THREADS, PARTS };

static const char *const PROPERTIES[2][PARTS] = {
    { "hw_cpu_sockets", "hw_cpu_cores", "hw_cpu_threads" },
    { "hw_cpu_max_sockets", "hw_cpu_max_cores", "hw_cpu_max_threads" },
};
static const char *const SPECS[2][PARTS] = {
    { "hw:cpu_sockets", "hw:cpu_cores", "hw:cpu_threads" },
    { "hw:cpu_max_sockets", "hw:cpu_max_cores", "hw:cpu_max_threads" },
};

/* What was said; 0: nothing. Less than nothing can be asked, and is nothing that could be had. */
static int topology_said(const json_t *said, const char *const names[PARTS], int64_t ret[PARTS], struct kn_error *err)
{
    for (size_t i = 0; i < PARTS; i++) {
        const char *text = kn_json_str(said, names[i]);
        char *end = NULL;

        errno = 0;
        ret[i] = strtoll(text, &end, 10);
        if (*end != '\0' || errno != 0 || ret[i] < 0) {
            return kn_fail(err, KN_BAD_REQUEST,
                           "Invalid flavor extra spec or image metadata. Error: %s=%.60s is no number of processors",
                           names[i], text);
        }
    }
    return 0;
}

static bool topology_exceeds(const int64_t said[PARTS], const int64_t most[PARTS])
{
    for (size_t i = 0; i < PARTS; i++) {
        if (most[i] > 0 && said[i] > most[i]) {
            return true;
        }
    }
    return false;
}

static bool topology_is_said(const int64_t said[PARTS])
{
    return said[SOCKETS] > 0 || said[CORES] > 0 || said[THREADS] > 0;
}

/* Positive if a is the better one. */
static int64_t topology_compare(const int64_t a[PARTS], const int64_t b[PARTS], const int64_t wanted[PARTS])
{
    int64_t score = 0;

    for (size_t i = 0; i < PARTS; i++) {
        score += (wanted[i] > 0 && a[i] == wanted[i]) - (wanted[i] > 0 && b[i] == wanted[i]);
    }
    return score != 0 ? score : a[THREADS] != b[THREADS] ? b[THREADS] - a[THREADS] : a[SOCKETS] - b[SOCKETS];
}

/* The best one with so many sockets into *best, if it is better. */
static void topology_of_sockets(int64_t sockets, int64_t vcpus, const int64_t most[PARTS], const int64_t wanted[PARTS],
                                int64_t best[PARTS])
{
    const int64_t each = vcpus / sockets;

    for (int64_t threads = 1; threads <= each && threads <= most[THREADS]; threads++) {
        const int64_t made[PARTS] = { sockets, each / threads, threads };

        if (each % threads == 0 && made[CORES] <= most[CORES] &&
            (best[SOCKETS] == 0 || topology_compare(made, best, wanted) > 0)) {
            for (size_t i = 0; i < PARTS; i++) {
                best[i] = made[i];
            }
        }
    }
}

static int64_t topology_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int topology_best(int64_t vcpus, const int64_t most[PARTS], const int64_t wanted[PARTS],
                         struct kn_compute_topology *ret, struct kn_error *err)
{
    int64_t best[PARTS] = { 0 };

    for (int64_t sockets = 1; sockets <= vcpus && sockets <= most[SOCKETS]; sockets++) {
        if (vcpus % sockets == 0) {
            topology_of_sockets(sockets, vcpus, most, wanted, best);
        }
    }
    if (best[SOCKETS] == 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Requested vCPU limits %lld:%lld:%lld are impossible to satisfy for vcpus count %lld",
                       (long long)topology_least(vcpus, most[SOCKETS]), (long long)topology_least(vcpus, most[CORES]),
                       (long long)topology_least(vcpus, most[THREADS]), (long long)vcpus);
    }
    *ret = (struct kn_compute_topology){ best[SOCKETS], best[CORES], best[THREADS] };
    return 0;
}

int kn_compute_topology_choose(const json_t *properties, const json_t *specs, int64_t vcpus,
                               struct kn_compute_topology *ret, struct kn_error *err)
{
    int64_t image[PARTS], flavor[PARTS], image_most[PARTS], flavor_most[PARTS], most[PARTS];

    if (topology_said(properties, PROPERTIES[0], image, err) < 0 ||
        topology_said(properties, PROPERTIES[1], image_most, err) < 0 ||
        topology_said(specs, SPECS[0], flavor, err) < 0 || topology_said(specs, SPECS[1], flavor_most, err) < 0) {
        return -1;
    }
    if (!topology_is_said(image) && !topology_is_said(image_most) && !topology_is_said(flavor) &&
        !topology_is_said(flavor_most)) {
        *ret = (struct kn_compute_topology){ 0 };
        return 0;
    }
    if (topology_exceeds(image_most, flavor_most)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Image vCPU topology limits (sockets=%lld, cores=%lld, threads=%lld) exceeds the limits of the "
                       "flavor (sockets=%lld, cores=%lld, threads=%lld)",
                       (long long)image_most[SOCKETS], (long long)image_most[CORES], (long long)image_most[THREADS],
                       (long long)flavor_most[SOCKETS], (long long)flavor_most[CORES], (long long)flavor_most[THREADS]);
    }
    for (size_t i = 0; i < PARTS; i++) {
        most[i] = image_most[i] > 0 ? image_most[i] : flavor_most[i] > 0 ? flavor_most[i] : NO_LIMIT;
        most[i] = most[i] < NO_LIMIT ? most[i] : NO_LIMIT;
    }
    if (topology_exceeds(image, most)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Image vCPU topology (sockets=%lld, cores=%lld, threads=%lld) exceeds the limits of the flavor "
                       "or image (sockets=%lld, cores=%lld, threads=%lld)",
                       (long long)image[SOCKETS], (long long)image[CORES], (long long)image[THREADS],
                       (long long)most[SOCKETS], (long long)most[CORES], (long long)most[THREADS]);
    }
    const int64_t none[PARTS] = { 0 };
    const int64_t *wanted = topology_is_said(image) ? image : topology_exceeds(flavor, most) ? none : flavor;

    return topology_best(vcpus, most, wanted, ret, err);
}
