/** What every child promises its supervisor, whatever it is made of: the conformance suite of `Child`. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type ExitReason, isAbnormal, ok } from "#runtime/errors.ts";
import type { Child } from "#supervisor/child.ts";

/** What a start does. */
export type Plan = "up" | "fail" | "hang";

export interface ChildCase {
  readonly child: Child;
  /** What the next start does; the cases that cannot do it say so. */
  plan(next: Plan): void;
  /** The life under way ends abnormally, by itself. */
  crash(): void;
  /** Lives that are under way, as far as the world outside the child can tell. */
  alive(): number;
  /** Waits until `condition` holds; the case knows what makes its world turn. */
  until(condition: () => boolean): Promise<void>;
}

export interface ChildKind {
  readonly name: string;
  /** Starts other than `up` that this child can have. */
  readonly plans: readonly Plan[];
  make(context: TestContext): ChildCase;
}

export function childSuite({ name, plans, make }: ChildKind): void {
  const begin = async (context: TestContext): Promise<ChildCase & { readonly exits: ExitReason[] }> => {
    const made = make(context);
    const exits: ExitReason[] = [];
    made.child.onExit((reason) => exits.push(reason));
    return { ...made, exits };
  };
  const settled = async <T>(on: ChildCase, promise: Promise<T>): Promise<T> => {
    let isSettled = false;
    const noted = promise.finally(() => {
      isSettled = true;
    });
    await on.until(() => isSettled);
    return noted;
  };
  /** Gives what is late the time to come. */
  const quiet = async (on: ChildCase): Promise<void> => {
    let looks = 0;
    await on.until(() => {
      looks += 1;
      return looks > 3;
    });
  };

  describe(`child (${name})`, () => {
    it("comes up, and goes down when it is stopped, which is no exit; again and again", async (context) => {
      const on = await begin(context);

      for (let life = 0; life < 3; life += 1) {
        assert.deepEqual(await settled(on, on.child.start()), ok());
        assert.equal(on.alive(), 1);
        await settled(on, on.child.stop(1000));
        assert.equal(on.alive(), 0);
      }

      await quiet(on);
      assert.deepEqual(on.exits, []);
    });

    it("tells once that a life ended by itself, and can be started again", async (context) => {
      const on = await begin(context);
      for (let life = 1; life <= 3; life += 1) {
        assert.deepEqual(await settled(on, on.child.start()), ok());

        on.crash();
        await on.until(() => on.exits.length >= life);

        await quiet(on);
        assert.equal(on.exits.length, life);
        assert.equal(on.exits.every(isAbnormal), true);
        assert.equal(on.alive(), 0);
      }
    });

    it("tells a kill like any other exit, once", async (context) => {
      const on = await begin(context);
      await settled(on, on.child.start());

      on.child.kill();
      await on.until(() => on.exits.length > 0);
      on.child.kill();
      await quiet(on);

      assert.equal(on.exits.length, 1);
      assert.equal(on.alive(), 0);
      assert.deepEqual(await settled(on, on.child.start()), ok());
    });

    it("takes a kill while it is stopped for the end of the stop", async (context) => {
      const on = await begin(context);
      await settled(on, on.child.start());

      const stopped = on.child.stop(1000);
      on.child.kill();
      await settled(on, stopped);
      await quiet(on);

      assert.equal(on.alive(), 0);
      assert.deepEqual(await settled(on, on.child.start()), ok());
    });

    it("can be stopped, killed and refused where there is no life", async (context) => {
      const on = await begin(context);
      await settled(on, on.child.start());
      await settled(on, on.child.stop(1000));

      on.child.kill();
      on.child.refuse?.();
      await settled(on, on.child.stop(1000));
      await quiet(on);

      assert.deepEqual(on.exits, []);
      assert.deepEqual(await settled(on, on.child.start()), ok());
    });

    if (plans.includes("fail")) {
      it("tells by its start alone that it did not come up, and leaves nothing", async (context) => {
        const on = await begin(context);
        for (let attempt = 0; attempt < 2; attempt += 1) {
          on.plan("fail");
          const started = await settled(on, on.child.start());
          assert(!started.ok);
          assert.equal(started.failure.child, on.child.name);
          assert.equal(on.alive(), 0);
        }

        await quiet(on);
        assert.deepEqual(on.exits, []);
        on.plan("up");
        assert.deepEqual(await settled(on, on.child.start()), ok());
      });
    }

    if (plans.includes("hang")) {
      for (const how of ["stop", "kill"] as const) {
        it(`can be ended while it starts (${how}); the start settles, and nothing is left`, async (context) => {
          const on = await begin(context);
          on.plan("hang");
          const starting = on.child.start();
          await on.until(() => on.alive() === 1);

          const ended = how === "stop" ? on.child.stop(1000) : on.child.kill();
          await on.until(() => on.alive() === 0);
          await settled(on, Promise.resolve(ended));
          const started = await settled(on, starting);
          await quiet(on);

          assert.equal(started.ok, false);
          assert.deepEqual(on.exits, []);
          on.plan("up");
          assert.deepEqual(await settled(on, on.child.start()), ok());
        });
      }
    }
  });
}
