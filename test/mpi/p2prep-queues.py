# SPDX-License-Identifier: BSD-3-Clause
"""p2prep-queues.py - for gdb: the requests of an MPI process as Open MPI's debugger library finds them (ompi_msgq_dll.c)

Prints one line for each that is valid and the program's own: what it is, its peer, tag, bytes, and whether it is complete."""
import gdb  # pylint: disable=import-error

INVALID = 0  # OMPI_REQUEST_INVALID
KINDS = {1: "send", 2: "receive"}  # MCA_PML_REQUEST_*


def chunks(free_list):
    """Addresses and numbers of items of each allocation; the first may be the smaller one"""
    total, each = int(free_list["fl_num_allocated"]), int(free_list["fl_num_per_alloc"])
    first = total if total <= each else total % each or each
    head = free_list["fl_allocations"]["opal_list_sentinel"]
    item, number = head["opal_list_next"], first
    while item != head.address:
        yield int(item), number
        item, number = item["opal_list_next"], each


def show(name):
    free_list = gdb.parse_and_eval(f"*(opal_free_list_t *)&{name}")
    align = int(free_list["fl_frag_alignment"])
    size = (int(free_list["fl_frag_size"]) + align - 1) // align * align
    request_type = gdb.lookup_type("mca_pml_base_request_t").pointer()
    for start, number in chunks(free_list):
        start = (start + gdb.lookup_type("opal_free_list_item_t").sizeof + align - 1) // align * align
        for i in range(number):
            request = gdb.Value(start + i * size).cast(request_type)
            if int(request["req_ompi"]["req_state"]) == INVALID or int(request["req_tag"]) < 0:
                continue
            length = int(request["req_count"]) * int(request["req_datatype"]["super"]["size"])
            state = "complete" if int(request["req_ompi"]["req_complete"]) == 1 else "pending"
            print("queue:", KINDS.get(int(request["req_type"]), "other"), "peer", int(request["req_peer"]), "tag",
                  int(request["req_tag"]), "bytes", length, state)


show("mca_pml_base_send_requests")
show("mca_pml_base_recv_requests")
