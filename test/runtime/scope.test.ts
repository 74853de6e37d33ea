/** Scopes: everything closes, newest first, whatever fails. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Defect } from "#runtime/errors.ts";
import { Scope } from "#runtime/scope.ts";

describe("scope: close", () => {
  it("closes in the reverse order of opening, each before the next", async () => {
    const scope = new Scope();
    const steps: string[] = [];
    scope.add(() => void steps.push("file"));
    scope.add(async () => {
      steps.push("socket begins");
      await undefined;
      steps.push("socket ends");
    });

    const errors = await scope.close();

    assert.deepEqual(steps, ["socket begins", "socket ends", "file"]);
    assert.deepEqual(errors, []);
  });

  it("undoes one of two that are the same, once", async () => {
    const scope = new Scope();
    let closed = 0;
    const close = (): void => {
      closed += 1;
    };
    const undo = scope.add(close);
    scope.add(close);

    undo();
    undo();
    await scope.close();

    assert.equal(closed, 1);
  });

  it("closes the rest where one fails, and answers with what failed", async () => {
    const scope = new Scope();
    const steps: string[] = [];
    const thrown = new Defect("thrown");
    const rejected = new Defect("rejected");
    scope.add(() => void steps.push("first"));
    scope.add(() => {
      throw thrown;
    });
    scope.add(() => Promise.reject(rejected));

    const errors = await scope.close();

    assert.deepEqual(steps, ["first"]);
    assert.deepEqual(errors, [rejected, thrown]);
  });

  it("closes nothing twice", async () => {
    const scope = new Scope();
    let count = 0;
    scope.add(() => {
      count += 1;
    });

    await scope.close();
    await scope.close();

    assert.equal(count, 1);
  });

  it("leaves alone what its owner took out, and only that", async () => {
    const scope = new Scope();
    const closed: string[] = [];
    scope.add(() => void closed.push("kept"));
    const undo = scope.add(() => void closed.push("taken out"));

    undo();
    undo();
    await scope.close();

    assert.deepEqual(closed, ["kept"]);
  });

  it("closes at once what arrives after the end", async () => {
    const scope = new Scope();
    let closed = false;
    await scope.close();

    scope.add(() => {
      closed = true;
    });

    assert(closed);
  });
});
