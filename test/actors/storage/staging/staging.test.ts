/** Uploads in pieces through storage's protocol, on a simulated disk with manual time. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf, type Digest, digestFromBytes } from "#actors/domain/address.ts";
import { UPLOAD_NOTE_LENGTH_MAX } from "#actors/domain/upload.ts";
import { UPLOAD_SWEEP_INTERVAL_MS } from "#actors/storage/actor.ts";
import { UPLOAD_PIECE_BYTES, UPLOAD_PIECE_MS } from "#actors/storage/staging/append-upload.ts";
import { UPLOAD_EMPTY_MS, UPLOAD_SILENT_MS, UPLOADS_REMEMBERED_MAX } from "#actors/storage/staging/staging.ts";
import { encodeTree } from "#client/tree.ts";
import { type ByteSource, FAILED } from "#runtime/byte-source.ts";
import { digestOf } from "#runtime/pool/blake3.ts";
import type { MemoryDisk } from "#runtime/simulated/disk.ts";
import { GiB, hour, KiB, MiB } from "#runtime/units.ts";
import { mustRead } from "#test/actors/storage/object-reader.ts";
import {
  append,
  begin,
  cancel,
  codeOf,
  long,
  mustAppend,
  mustBegin,
  mustStat,
  stagingDirectory,
  stat,
} from "#test/actors/storage/staging-kit.ts";
import { put, randomBytes, type StorageKit, sourceOf, startStorage, within } from "#test/actors/storage/storage-kit.ts";

const addressOfBytes = (bytes: Uint8Array) => addressOf(digestFromBytes(digestOf(bytes)));

/** The operation after `nth` more of its kind fails. */
function failNth(disk: MemoryDisk, operation: "write" | "sync", nth: number): void {
  const whole = disk[operation].bind(disk) as (...asked: unknown[]) => Promise<never>;
  let count = 0;
  disk[operation] = (...asked: unknown[]) => {
    if (count === nth) disk.failNext(operation, "EIO");
    count += 1;
    return whole(...asked);
  };
}

/** Of an object that is not stored here. */
async function manifestElsewhere(bytes: Uint8Array): Promise<Digest> {
  const stored = await put(await startStorage(), bytes);
  assert(stored.ok);
  return stored.value.manifest;
}

/** Lets what is under way beside the calls go on. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function filesOf(disk: MemoryDisk): Promise<readonly string[]> {
  const listed = await disk.list(stagingDirectory);
  return listed.ok ? listed.value.filter(({ kind }) => kind === "file").map(({ name }) => name) : [];
}

/** What was stored is the object, readable; nothing is left of the pieces. */
async function mustBeStored(kit: StorageKit, upload: Awaited<ReturnType<typeof mustBegin>>, bytes: Uint8Array) {
  const { stored } = await mustStat(kit, upload, long);
  assert(stored !== undefined, "the object is stored");
  assert.equal(stored.address, addressOfBytes(bytes));
  assert.equal(stored.sizeBytes, bytes.length);
  assert.equal(Buffer.compare(await mustRead(kit.ref, stored.manifest, "the object"), bytes), 0);
  assert.deepEqual(await filesOf(kit.disk), []);
}

describe("storage: uploads in pieces", () => {
  for (const sizeBytes of [0, 1, 100 * KiB, MiB, MiB + 1, 9 * MiB + 7]) {
    it(`become the object that was sent, in pieces of any size (${sizeBytes} bytes) (STO-15)`, async () => {
      const kit = await startStorage();
      const bytes = randomBytes(sizeBytes, sizeBytes);

      const upload = await mustBegin(kit, { sizeBytes, note: "name Yg==" });
      let offsetBytes = 0;
      for (let piece = 1; offsetBytes < sizeBytes; piece = piece * 7 + 13) {
        const end = Math.min(sizeBytes, offsetBytes + piece);
        ({ offsetBytes } = await mustAppend(kit, upload, offsetBytes, bytes.subarray(offsetBytes, end)));
        assert.equal(offsetBytes, end);
      }

      await mustBeStored(kit, upload, bytes);
      const facts = await mustStat(kit, upload);
      assert.deepEqual([facts.offsetBytes, facts.sizeBytes, facts.note], [sizeBytes, sizeBytes, "name Yg=="]);
    });
  }

  it("survive a power cut with every byte that was answered, and go on (STO-15)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(3 * MiB, 3);
    const upload = await mustBegin(kit, { sizeBytes: bytes.length });
    await mustAppend(kit, upload, 0, bytes.subarray(0, MiB + 5));

    kit.disk.crash(kit.machine.random);
    await kit.crash();
    assert.equal((await mustStat(kit, upload)).offsetBytes, MiB + 5);
    await mustAppend(kit, upload, MiB + 5, bytes.subarray(MiB + 5));

    await mustBeStored(kit, upload, bytes);
  });

  it("that are complete when the node ends are stored by the next life, unasked (STO-16)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(2 * MiB, 4);
    const upload = await mustBegin(kit, { sizeBytes: bytes.length });
    const sent = sourceOf(bytes);
    // Its own file is open by then: what fails is the opening to store it.
    const read = (into: Uint8Array): Promise<number> => {
      if (!isArmed) kit.disk.failNext("open", "EMFILE");
      isArmed = true;
      return sent.read(into);
    };
    let isArmed = false;
    await mustAppend(kit, upload, 0, bytes, { source: { failure: undefined, read, cancel: sent.cancel } });
    await turns(200);
    assert.equal((await mustStat(kit, upload)).stored, undefined);

    kit.disk.crash(kit.machine.random);
    await kit.crash();
    await turns(200);

    assert.equal((await mustStat(kit, upload)).stored?.address, addressOfBytes(bytes));
    await mustBeStored(kit, upload, bytes);
  });

  it("that are stored are stored once, however many ask, and again without harm", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(3 * MiB, 14);
    const [one, other] = [
      await mustBegin(kit, { sizeBytes: bytes.length }),
      await mustBegin(kit, { sizeBytes: bytes.length }),
    ];
    await Promise.all([mustAppend(kit, one, 0, bytes), mustAppend(kit, other, 0, bytes)]);

    const asked = await Promise.all([one, one, other, one].map((upload) => mustStat(kit, upload, long)));

    assert.deepEqual(new Set(asked.map(({ stored }) => stored?.address)), new Set([addressOfBytes(bytes)]));
    const facts = await kit.ref.call("describe", {}, within);
    assert(facts.ok && facts.value.manifestCount === 1);
  });

  it("that are stored while a sweep looks at others stay what they became", async () => {
    const kit = await startStorage({ config: { uploadAgeMsMax: 1 * hour } });
    const old = await mustBegin(kit, { sizeBytes: 10 });
    await kit.clock.advance(hour - 1);
    const bytes = randomBytes(1000, 21);
    const upload = await mustBegin(kit, { sizeBytes: 1000 });
    // The sweep has listed both when it waits for the first to go.
    const remove = kit.disk.remove.bind(kit.disk);
    let goOn: () => void = () => undefined;
    kit.disk.remove = async (path) => {
      if (path.endsWith(old)) await new Promise<void>((resolve) => (goOn = resolve));
      return await remove(path);
    };
    let isArmed = false;
    const sent = sourceOf(bytes);
    const read = (into: Uint8Array): Promise<number> => {
      if (!isArmed) kit.disk.failNext("open", "EMFILE");
      isArmed = true;
      return sent.read(into);
    };
    await mustAppend(kit, upload, 0, bytes, { source: { failure: undefined, read, cancel: sent.cancel } });
    await turns(50);
    await kit.clock.advance(UPLOAD_SWEEP_INTERVAL_MS);
    await turns(50);

    assert.equal((await mustStat(kit, upload, long)).stored?.address, addressOfBytes(bytes));
    goOn();
    await turns(100);

    assert.equal((await mustStat(kit, upload)).stored?.address, addressOfBytes(bytes));
    assert.equal(codeOf(await stat(kit, old)), "storage.upload-unknown");
  });

  it("that the disk has damaged are dropped, and nothing of them is stored (STO-16)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(300 * KiB, 15);
    const upload = await mustBegin(kit, { sizeBytes: bytes.length });
    await mustAppend(kit, upload, 0, bytes.subarray(0, 200 * KiB));

    kit.disk.flipByte(`${stagingDirectory}/${upload}`, 1000, 1);
    await mustAppend(kit, upload, 200 * KiB, bytes.subarray(200 * KiB));
    const damaged = await stat(kit, upload, long);
    const after = [await stat(kit, upload), await append(kit, upload, bytes.length, new Uint8Array())];

    const dropped = "storage.upload-damaged";
    assert.deepEqual([damaged, ...after].map(codeOf), [dropped, dropped, "storage.upload-unknown"]);
    const facts = await kit.ref.call("describe", {}, within);
    assert(facts.ok && facts.value.manifestCount === 0);
    assert.deepEqual(await filesOf(kit.disk), []);
  });

  it("whose bytes somebody took away are dropped (STO-16)", async () => {
    const kit = await startStorage();
    const taken = await mustBegin(kit, { sizeBytes: 10 });
    await kit.disk.remove(`${stagingDirectory}/${taken}`);
    const complete = await mustBegin(kit, { sizeBytes: 0 });
    await kit.disk.remove(`${stagingDirectory}/${complete}`);

    const append1 = await append(kit, taken, 0, randomBytes(10, 1));
    const stored = await stat(kit, complete, long);
    const after = [await stat(kit, taken), await cancel(kit, complete)];

    const unknown = "storage.upload-unknown";
    assert.deepEqual([append1, stored, ...after].map(codeOf), [unknown, "storage.upload-damaged", unknown, unknown]);
  });

  it("that can never be stored are dropped, and say why (STO-115)", async () => {
    const kit = await startStorage({ config: { objectChunksMax: 64 } });
    const bytes = randomBytes(12 * MiB, 16);
    const upload = await mustBegin(kit, { sizeBytes: bytes.length, manner: { chunker: "gear-fine/1" } });
    await mustAppend(kit, upload, 0, bytes);

    const refused = [await stat(kit, upload, long), await stat(kit, upload, long)];

    assert.deepEqual(refused.map(codeOf), ["storage.too-many-chunks", "storage.too-many-chunks"]);
    assert.equal(codeOf(await cancel(kit, upload)), "storage.upload-unknown");
  });

  it("that are begun as a tree, and are none, are dropped; one that names what is to come waits for it (STO-115)", async () => {
    const kit = await startStorage();
    const named = Buffer.from("named");
    const manifest = await manifestElsewhere(named);
    const entry = { name: "a", kind: "file", mode: 0o644, address: addressOfBytes(named), manifest } as const;
    const bytes = encodeTree({ entries: [{ ...entry, size: named.length }] });
    const none = await mustBegin(kit, { sizeBytes: 5, manner: { kind: "tree" } });
    const early = await mustBegin(kit, { sizeBytes: bytes.length, manner: { kind: "tree" } });
    await mustAppend(kit, none, 0, Buffer.from("hello"));
    await mustAppend(kit, early, 0, bytes);

    const refused = [await stat(kit, none, long), await stat(kit, none, long), await stat(kit, early, long)];
    const ended = await cancel(kit, none);
    assert((await put(kit, named)).ok);

    const tree = "storage.tree-refused";
    assert.deepEqual([...refused, ended].map(codeOf), [tree, tree, tree, "storage.upload-unknown"]);
    await mustBeStored(kit, early, bytes);
  });

  for (const operation of ["write", "sync"] as const) {
    for (const [nth, what] of ["their file", "the journal"].entries()) {
      it(`go on at what was answered after a ${operation} of ${what} that failed (STO-15)`, async () => {
        const kit = await startStorage();
        const bytes = randomBytes(100 * KiB, 17);
        const upload = await mustBegin(kit, { sizeBytes: bytes.length });
        await mustAppend(kit, upload, 0, bytes.subarray(0, 1000));

        failNth(kit.disk, operation, nth);
        const failed = await append(kit, upload, 1000, bytes.subarray(1000, 5000));
        const { offsetBytes } = await mustStat(kit, upload);
        await mustAppend(kit, upload, offsetBytes, bytes.subarray(offsetBytes));

        assert.equal(codeOf(failed), "storage.write-failed");
        assert(offsetBytes === 1000 || (nth === 1 && offsetBytes === 5000), `at ${offsetBytes}`);
        await mustBeStored(kit, upload, bytes);
      });
    }
  }

  it("leave no file behind that nobody was told of", async () => {
    const kit = await startStorage();
    const upload = await mustBegin(kit, { sizeBytes: 10 });
    const orphan = await kit.disk.open(`${stagingDirectory}/${"f".repeat(32)}`, "create-new");
    assert(orphan.ok);

    await kit.crash();
    await turns(50);

    assert.deepEqual(await filesOf(kit.disk), [upload]);
  });

  it("are added to at their offset only, by one at a time (STO-17)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(1000, 5);
    const upload = await mustBegin(kit, { sizeBytes: 1000 });
    await mustAppend(kit, upload, 0, bytes.subarray(0, 400));
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const held = sourceOf(bytes.subarray(400, 500));
    const read = async (into: Uint8Array): Promise<number> => {
      await opened;
      return await held.read(into);
    };
    const source: ByteSource = { failure: undefined, read, cancel: held.cancel };

    const before = await append(kit, upload, 399, bytes);
    const past = await append(kit, upload, 401, bytes);
    const first = append(kit, upload, 400, bytes, { source });
    const second = await append(kit, upload, 400, bytes.subarray(400));
    open();
    const facts = await first;
    const third = await mustAppend(kit, upload, 500, bytes.subarray(500));

    assert.deepEqual(before, { ok: false, failure: { code: "storage.upload-conflict", offsetBytes: 400 } });
    assert.deepEqual(past, { ok: false, failure: { code: "storage.upload-conflict", offsetBytes: 400 } });
    assert.equal(codeOf(second), "storage.upload-busy");
    assert(facts.ok && facts.value.offsetBytes === 500);
    assert.equal(third.offsetBytes, 1000);
    await mustBeStored(kit, upload, bytes);
  });

  it("give way to their client, who is here again, where nothing comes of a body (STO-17)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(1000, 19);
    const upload = await mustBegin(kit, { sizeBytes: 1000 });
    const sent = sourceOf(bytes.subarray(0, 300));
    let fall: (count: number) => void = () => undefined;
    let isSent = false;
    const source: ByteSource = {
      failure: undefined,
      read: async (into) => {
        if (isSent) return await new Promise<number>((resolve) => (fall = resolve));
        isSent = true;
        return await sent.read(into);
      },
      cancel: () => fall(FAILED),
    };
    const first = append(kit, upload, 0, bytes, { source });
    await turns(20);

    await kit.clock.advance(UPLOAD_SILENT_MS - 1);
    const early = await append(kit, upload, 0, bytes);
    await kit.clock.advance(1);
    const late = await append(kit, upload, 0, bytes);
    const resumed = await append(kit, upload, 300, bytes.subarray(300));

    assert.deepEqual([early, await first, resumed].map(codeOf), ["storage.upload-busy", "storage.source-failed", "ok"]);
    assert.deepEqual(late, { ok: false, failure: { code: "storage.upload-conflict", offsetBytes: 300 } });
    await mustBeStored(kit, upload, bytes);
  });

  it("give way to nobody while storage is slow to write what has come (STO-145)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(300 * KiB, 20);
    const upload = await mustBegin(kit, { sizeBytes: bytes.length });
    const written = Promise.withResolvers<void>();
    const { write } = kit.disk;
    kit.disk.write = async (...asked) => {
      await written.promise;
      return await write.apply(kit.disk, asked);
    };
    const first = append(kit, upload, 0, bytes);
    await turns(20);

    await kit.clock.advance(UPLOAD_SILENT_MS);
    const second = append(kit, upload, 0, bytes);
    await turns(20);
    written.resolve();

    assert.deepEqual([await first, await second].map(codeOf), ["ok", "storage.upload-busy"]);
    await mustBeStored(kit, upload, bytes);
  });

  it("give way to nobody while they wait for memory (STO-145)", async () => {
    const kit = await startStorage({ config: { writeQuotaBytes: 256 * KiB } });
    const [holding, waiting] = [await mustBegin(kit), await mustBegin(kit)];
    const bytes = randomBytes(1000, 21);
    const sent = Promise.withResolvers<void>();
    const held = sourceOf(bytes);
    const read = async (into: Uint8Array): Promise<number> => {
      await sent.promise;
      return await held.read(into);
    };
    const source: ByteSource = { failure: undefined, read, cancel: held.cancel };
    const holder = append(kit, holding, 0, bytes, { source });
    await turns(20);
    const first = append(kit, waiting, 0, bytes);
    await turns(20);

    await kit.clock.advance(UPLOAD_SILENT_MS);
    const second = append(kit, waiting, 0, bytes);
    await turns(20);
    sent.resolve();

    const all = [await holder, await first, await second].map(codeOf);
    assert.deepEqual(all, ["ok", "ok", "storage.upload-busy"]);
  });

  it("are recorded every UPLOAD_PIECE_MS of a slow body", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(10, 20);
    const upload = await mustBegin(kit, { sizeBytes: 11 });
    const sent = sourceOf(bytes, 1);
    let let1: () => void = () => undefined;
    const read = async (into: Uint8Array): Promise<number> => {
      await new Promise<void>((resolve) => (let1 = resolve));
      return await sent.read(into);
    };
    void append(kit, upload, 0, bytes, { source: { failure: undefined, read, cancel: sent.cancel } });
    const recorded: number[] = [];
    for (let second = 0; second < 10; second += 1) {
      await turns(20);
      await kit.clock.advance(UPLOAD_PIECE_MS / 5);
      let1();
      await turns(20);
      recorded.push((await mustStat(kit, upload)).offsetBytes);
    }

    let1();
    await turns(20);
    assert.deepEqual(recorded, [0, 0, 0, 0, 5, 5, 5, 5, 5, 10]);
  });

  it("are remembered up to UPLOADS_REMEMBERED_MAX when they are objects; the oldest are forgotten (STO-18)", async () => {
    const kit = await startStorage({ config: { uploadsMax: UPLOADS_REMEMBERED_MAX } });
    const all = [];
    for (let nth = 0; nth < UPLOADS_REMEMBERED_MAX; nth += 1) {
      const upload = await mustBegin(kit, { sizeBytes: 0 });
      await mustStat(kit, upload, long);
      all.push(upload);
    }
    const [first, second] = all;
    assert(first !== undefined && second !== undefined);
    const before = await stat(kit, first);

    await mustBegin(kit);
    const after = [await stat(kit, first), await stat(kit, second)];

    assert.deepEqual([before, ...after].map(codeOf), ["ok", "storage.upload-unknown", "ok"]);
  });

  it("keep what came before a body broke off, and nothing of one that carries a proof (STO-17)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(300 * KiB, 6);
    const upload = await mustBegin(kit, { sizeBytes: bytes.length });

    const whole = await append(kit, upload, 0, bytes, { source: sourceOf(bytes, 64 * KiB, 256 * KiB), isWhole: true });
    const afterWhole = await mustStat(kit, upload);
    const plain = await append(kit, upload, 0, bytes, { source: sourceOf(bytes, 64 * KiB, 256 * KiB) });
    const afterPlain = await mustStat(kit, upload);

    assert.deepEqual([codeOf(whole), codeOf(plain)], ["storage.source-failed", "storage.source-failed"]);
    assert.deepEqual([afterWhole.offsetBytes, afterPlain.offsetBytes], [0, 256 * KiB]);
    await mustAppend(kit, upload, 256 * KiB, bytes.subarray(256 * KiB), { isWhole: true });
    await mustBeStored(kit, upload, bytes);
  });

  it("keep nothing of a body with a proof that is longer than a piece, before it has ended well", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(UPLOAD_PIECE_BYTES + MiB, 18);
    const upload = await mustBegin(kit, { sizeBytes: bytes.length });
    const source = sourceOf(bytes, MiB, UPLOAD_PIECE_BYTES + 1);

    const broken = await append(kit, upload, 0, bytes, { source, isWhole: true });

    assert.equal(codeOf(broken), "storage.source-failed");
    assert.equal((await mustStat(kit, upload)).offsetBytes, 0);
    await mustAppend(kit, upload, 0, bytes, { isWhole: true });
    await mustBeStored(kit, upload, bytes);
  });

  it("lose at most a piece of a body that is under way when the power is cut", async () => {
    const kit = await startStorage({ config: { stagingBytesMax: GiB } });
    const bytes = randomBytes(2 * UPLOAD_PIECE_BYTES + 5, 7);
    const upload = await mustBegin(kit, { sizeBytes: bytes.length + 1 });
    const sent = sourceOf(bytes, 256 * KiB);
    let readBytes = 0;
    let fall: (count: number) => void = () => undefined;
    const source: ByteSource = {
      failure: undefined,
      read: async (into) => {
        if (readBytes === bytes.length) return await new Promise<number>((resolve) => (fall = resolve));
        const count = await sent.read(into);
        readBytes += count;
        return count;
      },
      cancel: () => fall(FAILED),
    };
    void append(kit, upload, 0, bytes, { source });
    while (readBytes < bytes.length) await turns(1);
    await turns(50);

    kit.disk.crash(kit.machine.random);
    await kit.crash();

    assert.equal((await mustStat(kit, upload)).offsetBytes, 2 * UPLOAD_PIECE_BYTES);
  });

  it("take no byte more than they were said to be long (STO-17)", async () => {
    const kit = await startStorage();
    const upload = await mustBegin(kit, { sizeBytes: 10 });

    const announced = await append(kit, upload, 0, randomBytes(11, 1), { lengthBytes: 11 });
    const silent = await append(kit, upload, 0, randomBytes(11, 1));
    assert.equal((await mustStat(kit, upload)).offsetBytes, 0);
    const exact = await append(kit, upload, 0, randomBytes(10, 1), { lengthBytes: 10 });
    await mustStat(kit, upload, long);
    const nothing = await append(kit, upload, 10, new Uint8Array(0));
    const more = await append(kit, upload, 10, randomBytes(1, 1));

    assert.deepEqual([announced, silent, exact, nothing, more].map(codeOf), [
      "storage.upload-overrun",
      "storage.upload-overrun",
      "ok",
      "ok",
      "storage.upload-overrun",
    ]);
  });

  it("may be said to be how long when that is known, once (STO-17)", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(500, 8);
    const upload = await mustBegin(kit);
    await mustAppend(kit, upload, 0, bytes.subarray(0, 200));

    const less = await append(kit, upload, 200, new Uint8Array(0), { sizeBytes: 199 });
    const said = await append(kit, upload, 200, new Uint8Array(0), { sizeBytes: 500 });
    const again = await append(kit, upload, 200, bytes.subarray(200, 300), { sizeBytes: 500 });
    const other = await append(kit, upload, 300, bytes.subarray(300), { sizeBytes: 501 });
    await kit.crash();
    await mustAppend(kit, upload, 300, bytes.subarray(300));

    assert.deepEqual([less, said, again, other].map(codeOf), [
      "storage.upload-size-set",
      "ok",
      "ok",
      "storage.upload-size-set",
    ]);
    await mustBeStored(kit, upload, bytes);
  });

  it("are complete at once where their length turns out to be what is here", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(200, 9);
    const upload = await mustBegin(kit);
    await mustAppend(kit, upload, 0, bytes);

    await mustAppend(kit, upload, 200, new Uint8Array(0), { sizeBytes: 200 });

    await mustBeStored(kit, upload, bytes);
  });

  it("are put as they were begun to be: cut finely, or as ciphertext", async () => {
    const kit = await startStorage();
    const bytes = randomBytes(MiB + 1, 10);

    const fine = await mustBegin(kit, { sizeBytes: bytes.length, manner: { chunker: "gear-fine/1" } });
    await mustAppend(kit, fine, 0, bytes);
    const ciphertext = await mustBegin(kit, {
      sizeBytes: bytes.length,
      manner: { chunker: "fixed/1", enc: { format: "x" } },
    });
    await mustAppend(kit, ciphertext, 0, bytes);
    await kit.crash();

    const { stored } = await mustStat(kit, fine, long);
    assert((stored?.chunkCount ?? 0) > 4, `${stored?.chunkCount} chunks`);
    const hidden = (await mustStat(kit, ciphertext, long)).stored;
    assert(hidden !== undefined);
    assert.equal(hidden.address, undefined);
    assert.equal(Buffer.compare(await mustRead(kit.ref, hidden.manifest, "ciphertext"), bytes), 0);
  });

  it("are unknown before they are begun, when they are cancelled, and to nobody's cost", async () => {
    const kit = await startStorage();
    const nobody = "0".repeat(32) as never;

    const unknown = [
      await stat(kit, nobody),
      await append(kit, nobody, 0, new Uint8Array(1)),
      await cancel(kit, nobody),
    ];
    const listed = await kit.disk.list(stagingDirectory);
    const upload = await mustBegin(kit, { sizeBytes: 10 });
    await mustAppend(kit, upload, 0, randomBytes(5, 1));
    const cancelled = await cancel(kit, upload);
    const gone = [await stat(kit, upload), await append(kit, upload, 5, new Uint8Array(1)), await cancel(kit, upload)];
    await kit.crash();

    assert.deepEqual(unknown.map(codeOf), Array(3).fill("storage.upload-unknown"));
    assert(!listed.ok && listed.failure.code === "disk.not-found");
    assert.equal(codeOf(cancelled), "ok");
    assert.deepEqual(gone.map(codeOf), Array(3).fill("storage.upload-unknown"));
    assert.equal(codeOf(await stat(kit, upload)), "storage.upload-unknown");
    assert.deepEqual(await filesOf(kit.disk), []);
  });

  it("are cut off by being cancelled while somebody adds to them", async () => {
    const kit = await startStorage();
    const upload = await mustBegin(kit, { sizeBytes: 10 });
    let fall: (count: number) => void = () => undefined;
    const source = {
      failure: undefined as { code: string } | undefined,
      read: () => new Promise<number>((resolve) => (fall = resolve)),
      cancel(reason: { code: string }) {
        this.failure = reason;
        fall(-1);
      },
    };
    const adding = append(kit, upload, 0, new Uint8Array(0), { source });
    await new Promise((resolve) => setImmediate(resolve));

    const cancelled = await cancel(kit, upload);

    assert.deepEqual([codeOf(cancelled), codeOf(await adding)], ["ok", "storage.source-failed"]);
    assert.equal(codeOf(await stat(kit, upload)), "storage.upload-unknown");
  });
});

describe("storage: limits of uploads in pieces", () => {
  it("are uploadsMax that are begun; one that is stored counts no more (STO-18)", async () => {
    const kit = await startStorage({ config: { uploadsMax: 2 } });

    const [first, second, third] = await Promise.all([begin(kit), begin(kit, { sizeBytes: 3 }), begin(kit)]);
    assert.deepEqual([first, second, third].map(codeOf), ["ok", "ok", "storage.uploads-full"]);
    assert(second.ok);
    await mustAppend(kit, second.value.upload, 0, randomBytes(3, 1));
    await mustStat(kit, second.value.upload, long);

    assert.equal(codeOf(await begin(kit)), "ok");
    assert.equal(codeOf(await begin(kit)), "storage.uploads-full");
  });

  it("has those give way to which nothing has come for a while, the oldest first (STO-18)", async () => {
    const kit = await startStorage({ config: { uploadsMax: 3, stagingBytesMax: 1000 } });
    const begun = [await mustBegin(kit, { sizeBytes: 300 }), await mustBegin(kit), await mustBegin(kit)] as const;
    await mustAppend(kit, begun[0], 0, randomBytes(1, 1));

    await kit.clock.advance(UPLOAD_EMPTY_MS - 1);
    const early = await begin(kit);
    await kit.clock.advance(1);
    const both = await begin(kit, { sizeBytes: 700 });
    const promised = await begin(kit, { sizeBytes: 701 });

    assert.deepEqual([early, both, promised].map(codeOf), ["storage.uploads-full", "ok", "storage.uploads-full"]);
    const left = await Promise.all(begun.map(async (upload) => codeOf(await stat(kit, upload))));
    assert.deepEqual(left, ["ok", "storage.upload-unknown", "ok"]);
  });

  it("has none of those give way where that makes no room enough, and only those that promise where bytes lack (STO-18)", async () => {
    const kit = await startStorage({ config: { uploadsMax: 4, stagingBytesMax: 1000, objectSizeBytesMax: 2000 } });
    const begun = [
      await mustBegin(kit, { sizeBytes: 500 }),
      await mustBegin(kit),
      await mustBegin(kit, { sizeBytes: 100 }),
      await mustBegin(kit, { sizeBytes: 300 }),
    ] as const;
    await mustAppend(kit, begun[0], 0, randomBytes(1, 1));
    await kit.clock.advance(UPLOAD_EMPTY_MS);
    const left = () => Promise.all(begun.map(async (upload) => codeOf(await stat(kit, upload))));
    const gone = "storage.upload-unknown";

    const refused = [await begin(kit, { sizeBytes: 501 }), await begin(kit, { sizeBytes: 2001 })];
    const before = await left();
    const fits = await begin(kit, { sizeBytes: 500 });

    assert.deepEqual(refused.map(codeOf), ["storage.uploads-full", "storage.object-too-large"]);
    assert.deepEqual(before, ["ok", "ok", "ok", "ok"]);
    assert.deepEqual([codeOf(fits), await left()], ["ok", ["ok", "ok", gone, gone]]);
  });

  it("are stagingBytesMax that are promised, or here (STO-18)", async () => {
    const kit = await startStorage({ config: { stagingBytesMax: 1000 } });

    const [promised, past] = await Promise.all([begin(kit, { sizeBytes: 600 }), begin(kit, { sizeBytes: 401 })]);
    const open = await mustBegin(kit);
    const atLimit = await append(kit, open, 0, randomBytes(400, 1));
    const over = await append(kit, open, 400, randomBytes(1, 1));
    const said = await append(kit, open, 400, new Uint8Array(0), { sizeBytes: 401 });

    assert.deepEqual([promised, past, atLimit, over, said].map(codeOf), [
      "ok",
      "storage.uploads-full",
      "ok",
      "storage.uploads-full",
      "storage.uploads-full",
    ]);
  });

  it("are objectSizeBytesMax, said or come (STO-6)", async () => {
    const kit = await startStorage({ config: { objectSizeBytesMax: 1000 } });

    const atLimit = await begin(kit, { sizeBytes: 1000 });
    const past = await begin(kit, { sizeBytes: 1001 });
    const open = await mustBegin(kit);
    const come = await append(kit, open, 0, randomBytes(1001, 1));
    const fits = await append(kit, open, 0, randomBytes(1000, 1));

    const tooLarge = "storage.object-too-large";
    assert.deepEqual([atLimit, past, come, fits].map(codeOf), ["ok", tooLarge, tooLarge, "ok"]);
  });

  it("are the space of the disk: twice the size when one is begun, and what comes (STO-7)", async () => {
    const kit = await startStorage({ config: { objectSizeBytesMax: 2 * GiB, stagingBytesMax: 4 * GiB } });
    const { freeBytes } = await space(kit);
    // Half of what is free in front of the reserve.
    const room = Math.floor((freeBytes - MiB) / 2);

    const past = await begin(kit, { sizeBytes: room + 64 * KiB });
    const upload = await mustBegin(kit, { sizeBytes: 3 * MiB });
    kit.disk.capacityBytes = (await used(kit)) + MiB + 100 * KiB;
    await kit.clock.advance(2000);
    const full = await append(kit, upload, 0, randomBytes(2 * MiB, 1));
    kit.disk.capacityBytes = GiB;
    await kit.clock.advance(2000);
    const { offsetBytes } = await mustStat(kit, upload);
    const goesOn = await append(kit, upload, offsetBytes, randomBytes(3 * MiB, 1).subarray(offsetBytes));

    assert.deepEqual([past, full, goesOn].map(codeOf), ["storage.full", "storage.full", "ok"]);
  });

  it("are what the store may hold: nothing is begun that could not be stored", async () => {
    const kit = await startStorage({ config: { storedBytesMax: 10 * MiB } });

    const past = await begin(kit, { sizeBytes: 9 * MiB + 1 });
    const atLimit = await begin(kit, { sizeBytes: 8 * MiB });

    assert.deepEqual([past, atLimit].map(codeOf), ["storage.limit-reached", "ok"]);
  });

  it("are the longest note, as the gateway keeps it", async () => {
    const kit = await startStorage();

    const upload = await mustBegin(kit, { note: "x".repeat(UPLOAD_NOTE_LENGTH_MAX) });

    assert.equal((await mustStat(kit, upload)).note.length, UPLOAD_NOTE_LENGTH_MAX);
  });

  it("are their age since something was added, and of what became of them (STO-18)", async () => {
    const kit = await startStorage({ config: { uploadAgeMsMax: 1 * hour } });
    const idle = await mustBegin(kit, { sizeBytes: 10 });
    const stored = await mustBegin(kit, { sizeBytes: 3 });
    await mustAppend(kit, stored, 0, randomBytes(3, 1));
    await mustStat(kit, stored, long);
    const moving = await mustBegin(kit, { sizeBytes: 10 });
    await kit.clock.advance(hour / 2);
    await mustAppend(kit, moving, 0, randomBytes(1, 1));
    const { expiresWallMs } = await mustStat(kit, moving);
    assert.equal(expiresWallMs, kit.clock.wallMs() + hour);

    await kit.clock.advance(hour / 2 - UPLOAD_SWEEP_INTERVAL_MS);
    const before = [await stat(kit, idle), await stat(kit, stored), await stat(kit, moving)];
    await kit.clock.advance(2 * UPLOAD_SWEEP_INTERVAL_MS);
    await turns(50);
    const after = [await stat(kit, idle), await stat(kit, stored), await stat(kit, moving)];

    const gone = "storage.upload-unknown";
    assert.deepEqual(before.map(codeOf), ["ok", "ok", "ok"]);
    assert.deepEqual(after.map(codeOf), [gone, gone, "ok"]);
    assert.deepEqual(await filesOf(kit.disk), [moving]);
  });
});

async function space({ disk }: StorageKit): Promise<{ readonly freeBytes: number }> {
  const found = await disk.space("/data");
  assert(found.ok);
  return found.value;
}

async function used(kit: StorageKit): Promise<number> {
  return kit.disk.capacityBytes - (await space(kit)).freeBytes;
}
