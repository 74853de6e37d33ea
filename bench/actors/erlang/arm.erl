%% The Erlang arm: does one work for as long as it is asked to, one JSON line a round, as the arms in Node do.
%%
%% Arguments: work, messages of a batch, shortest round in ms. A line on standard input asks for a round; its end ends
%% the node. What was handled is counted by the actors themselves.
-module(arm).
-export([main/0]).

-define(IN_FLIGHT, 64).
%% One less than the mailbox that the bounded arms have: a burst and the call behind it fit.
-define(BURST, 1023).
-define(CALL_TIMEOUT_MS, 30000).
-define(RESTARTS_OF_A_KEEPER, 50).

main() ->
    logger:set_primary_config(level, none),
    [Work, Batch, RoundMs] = init:get_plain_arguments(),
    Round = prepare(Work, list_to_integer(Batch), list_to_integer(RoundMs)),
    io:put_chars("{\"ready\":true}\n"),
    serve(Round).

serve(Round) ->
    case io:get_line("") of
        "round\n" ->
            io:put_chars([Round(), $\n]),
            serve(Round);
        _ ->
            halt(0)
    end.

prepare("memory-idle", Count, _) -> fun() -> memory(Count, idle) end;
prepare("memory-woken", Count, _) -> fun() -> memory(Count, woken) end;
prepare("restart", Count, _) ->
    process_flag(trap_exit, true),
    fun() -> restarts(Count) end;
prepare(Work, Batch, RoundMs) ->
    Run = run(Work),
    fun() ->
        Started = now_ms(),
        timed(Run, Batch, RoundMs, Started, 0, 0)
    end.

timed(Run, Batch, RoundMs, Started, Sent, Handled) ->
    Now = Handled + Run(Batch),
    case now_ms() - Started of
        Took when Took < RoundMs -> timed(Run, Batch, RoundMs, Started, Sent + Batch, Now);
        Took -> round_line(Sent + Batch, Now, Took)
    end.

run("call-sequential") ->
    with_counter(fun(Counter, Count) -> call(Counter, Count) end);
run("call-64") ->
    with_counter(fun(Counter, Count) -> in_flight(fun(Share) -> call(Counter, Share) end, Count) end);
run("cast") ->
    with_counter(fun(Counter, Count) -> cast(Counter, Count) end);
run("spawn") ->
    fun(Count) -> lives(Count, 0) end;
run("link-call-64") ->
    %% The other node ends with this one.
    {ok, _, Far} = peer:start_link(#{
        name => peer:random_name(), host => "127.0.0.1", longnames => true, connection => standard_io,
        exec => os:getenv("BINDIR") ++ "/erlexec",
        args => ["+S", "1:1", "-setcookie", atom_to_list(erlang:get_cookie()), "-start_epmd", "false", "-erl_epmd_port",
                 os:getenv("CEPA_BENCH_PORT"), "-pa", filename:dirname(code:which(?MODULE))]}),
    {ok, Counter} = erpc:call(Far, gen_server, start, [counter, [], []]),
    Carried = binary:copy(<<"x">>, 64),
    counted(Counter, fun(Count) -> in_flight(fun(Share) -> carry(Counter, Carried, Share) end, Count) end).

with_counter(Work) ->
    {ok, Counter} = counter:start_link(),
    counted(Counter, fun(Count) -> Work(Counter, Count) end).

counted(Counter, Work) ->
    fun(Count) ->
        Before = counter:count(Counter),
        Work(Count),
        counter:count(Counter) - Before
    end.

call(_, 0) -> ok;
call(Counter, Left) ->
    gen_server:call(Counter, {add, 1}, ?CALL_TIMEOUT_MS),
    call(Counter, Left - 1).

carry(_, _, 0) -> ok;
carry(Counter, Carried, Left) ->
    gen_server:call(Counter, {add, 1, Carried}, ?CALL_TIMEOUT_MS),
    carry(Counter, Carried, Left - 1).

cast(_, 0) -> ok;
cast(Counter, Left) ->
    Burst = min(?BURST, Left),
    tell(Counter, Burst),
    counter:count(Counter),
    cast(Counter, Left - Burst).

tell(_, 0) -> ok;
tell(Counter, Left) ->
    gen_server:cast(Counter, {tell, 1}),
    tell(Counter, Left - 1).

in_flight(Work, Count) ->
    Share = Count div ?IN_FLIGHT,
    Callers = [spawn_monitor(fun() -> Work(Share) end) || _ <- lists:seq(1, ?IN_FLIGHT)],
    [receive {'DOWN', Monitor, process, _, normal} -> ok end || {_, Monitor} <- Callers],
    ok.

%% spawn, started, stopped, and seen to be: bare processes, the cheapest that Erlang has.
lives(0, Done) -> Done;
lives(Left, Done) ->
    Self = self(),
    {Pid, Monitor} = spawn_monitor(fun() -> Self ! {started, self()}, receive stop -> ok end end),
    receive {started, Pid} -> Pid ! stop end,
    receive {'DOWN', Monitor, process, Pid, normal} -> lives(Left - 1, Done + 1) end.

memory(Count, When) ->
    Before = used(),
    Counters = [element(2, counter:start_link()) || _ <- lists:seq(1, Count)],
    Idle = used(),
    Handled = lists:sum([gen_server:call(Counter, {add, 1}, ?CALL_TIMEOUT_MS) || Counter <- Counters]),
    Woken = used(),
    round_line(Count, Handled, float(case When of idle -> Idle - Before; woken -> Woken - Before end)).

used() ->
    erlang:garbage_collect(),
    erlang:memory(total).

restarts(Count) ->
    Keepers = lists:seq(1, Count div ?RESTARTS_OF_A_KEEPER),
    Samples = lists:append([kept(fun restart/0, ?RESTARTS_OF_A_KEEPER) || _ <- Keepers]),
    io_lib:format("{\"sent\":~b,\"handled\":~b,\"samples\":[~s]}",
                  [Count, length(Samples), lists:join($,, [io_lib:format("~.4f", [S]) || S <- Samples])]).

%% A supervisor keeps a list of its restarts within the last second, and takes longer the longer it is.
kept(Work, Count) ->
    {ok, Keeper} = keeper:start_link(),
    Samples = [Work() || _ <- lists:seq(1, Count)],
    exit(Keeper, shutdown),
    receive {'EXIT', Keeper, shutdown} -> Samples end.

%% From the crash to the first answer of the next life.
restart() ->
    Started = now_ms(),
    gen_server:cast(counter, crash),
    first_answer(whereis(counter)),
    now_ms() - Started.

first_answer(Dead) ->
    case whereis(counter) of
        undefined -> erlang:yield(), first_answer(Dead);
        Dead -> erlang:yield(), first_answer(Dead);
        Counter ->
            1 = gen_server:call(Counter, {add, 1}, ?CALL_TIMEOUT_MS)
    end.

round_line(Sent, Handled, Took) ->
    io_lib:format("{\"sent\":~b,\"handled\":~b,\"took\":~.4f}", [Sent, Handled, Took]).

now_ms() -> erlang:monotonic_time(nanosecond) / 1.0e6.
