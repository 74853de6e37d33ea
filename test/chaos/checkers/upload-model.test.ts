/** Where an upload in pieces may be, step by step. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UploadModel } from "#chaos/checkers/upload-model.ts";

describe("chaos checkers: the model of an upload in pieces", () => {
  it("lets it be where it was said to be, and as far as something was sent", () => {
    const model = new UploadModel();
    model.sends({ from: 0, to: 10, isWhole: false });

    const problems = [model.says(0), model.says(7), model.says(7), model.says(10)];

    assert.deepEqual(problems, [undefined, undefined, undefined, undefined]);
    assert.equal(model.saidBytes, 10);
  });

  it("does not let it be where nothing was sent", () => {
    const model = new UploadModel();
    model.sends({ from: 0, to: 10, isWhole: false });

    assert.equal(model.says(11), "never-sent");
    assert.equal(model.saidBytes, 0);
  });

  it("does not let it go back", () => {
    const model = new UploadModel();
    model.sends({ from: 0, to: 10, isWhole: false });
    model.says(8);

    assert.equal(model.says(7), "taken-back");
    assert.equal(model.saidBytes, 8);
  });

  it("takes a piece with a proof whole, or not at all", () => {
    const model = new UploadModel();
    model.sends({ from: 0, to: 10, isWhole: true });

    assert.deepEqual([model.says(9), model.says(10)], ["never-sent", undefined]);
  });

  it("lets what was given up arrive later", () => {
    const model = new UploadModel();
    model.sends({ from: 0, to: 10, isWhole: false });
    model.says(0);
    model.sends({ from: 0, to: 4, isWhole: true });

    assert.deepEqual([model.says(4), model.says(9)], [undefined, undefined]);
  });

  it("does not let a piece count twice", () => {
    const model = new UploadModel();
    model.sends({ from: 0, to: 10, isWhole: true });
    model.says(10);

    assert.equal(model.says(20), "never-sent");
  });
});
