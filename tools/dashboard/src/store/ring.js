// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// ring - the last so many things, in the order in which they came. Numbers of things only grow: the oldest that is still
// there is @tail, the next one will be @head.

export class Ring {
	constructor(size) {
		this.size = size;
		this.slots = new Array(size);
		this.head = 0;
	}

	get tail() {
		return Math.max(0, this.head - this.size);
	}

	get length() {
		return this.head - this.tail;
	}

	push(thing) {
		this.slots[this.head++ % this.size] = thing;
	}

	get(number) {
		return this.slots[number % this.size];
	}

	last() {
		return this.head ? this.get(this.head - 1) : undefined;
	}

	// Newest first, at most @most.
	*newest(most = this.size) {
		const end = Math.max(this.tail, this.head - most);
		for (let i = this.head - 1; i >= end; i--) yield this.get(i);
	}

	*oldest() {
		for (let i = this.tail; i < this.head; i++) yield this.get(i);
	}
}
