%% The actor that every arm has: it adds up amounts, answers calls with the sum, and dies when told to.
-module(counter).
-behaviour(gen_server).
-export([start_link/0, start_registered/0, count/1]).
-export([init/1, handle_call/3, handle_cast/2]).

start_link() -> gen_server:start_link(?MODULE, [], []).

start_registered() -> gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% How many messages of amount 1 it has handled so far.
count(Counter) -> gen_server:call(Counter, {add, 0}, 30000).

init([]) -> {ok, 0}.

%% What rides along (64 bytes between nodes) is only carried.
handle_call({add, Amount}, _From, Sum) -> {reply, Sum + Amount, Sum + Amount};
handle_call({add, Amount, _Carried}, _From, Sum) -> {reply, Sum + Amount, Sum + Amount}.

handle_cast({tell, Amount}, Sum) -> {noreply, Sum + Amount};
handle_cast(crash, _Sum) -> exit(crashed_by_the_bench).
