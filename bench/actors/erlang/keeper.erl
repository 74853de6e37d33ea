%% A supervisor that restarts its counter at once, however often it crashes.
-module(keeper).
-behaviour(supervisor).
-export([start_link/0, init/1]).

start_link() -> supervisor:start_link(?MODULE, []).

init([]) ->
    Flags = #{strategy => one_for_one, intensity => 1000000, period => 1},
    {ok, {Flags, [#{id => counter, start => {counter, start_registered, []}}]}}.
