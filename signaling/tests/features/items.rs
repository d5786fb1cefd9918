//! The table: id, and the test that shows it.

use std::future::Future;
use std::pin::Pin;

/// One item that has a test.
pub struct Item {
    pub id: &'static str,
    pub test: &'static str,
    pub run: fn() -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

macro_rules! items {
    ($($id:literal => $module:ident::$test:ident;)*) => {
        pub const ITEMS: &[Item] = &[$(Item {
            id: $id,
            test: stringify!($test),
            run: || Box::pin(crate::$module::$test()),
        },)*];

        $(#[tokio::test]
        async fn $test() {
            crate::$module::$test().await;
        })*
    };
}

items! {
    "L1" => lifecycle::l1_a_breakout_is_a_space_for_some_inside_the_meeting;
    "L2" => lifecycle::l2_the_normal_flow;
    "L3" => lifecycle::l3_created_and_started_are_two_states;
    "L4" => lifecycle::l4_the_main_room_is_kept_or_not;
    "L5" => lifecycle::l5_who_is_away_stays_in_the_roster_as_paused;
    "L6" => lifecycle::l6_a_moderator_is_backstage;
    "L7" => lifecycle::l7_selected_people_speak_privately;
    "L8" => lifecycle::l8_guests_watch_the_stage_and_discuss;
    "L9" => lifecycle::l9_one_action_brings_everybody_back_at_once;
    "E1" => lifecycle::e1_breakouts_are_enabled_by_meeting;
    "E2" => lifecycle::e2_sessions_with_phones_have_a_flag_of_their_own;
    "E3" => lifecycle::e3_free_movement_and_broadcast_for_everybody_are_options;
    "E4" => lifecycle::e4_lecture_mode;
    "E5" => server::e5_create_a_meeting_and_add_a_participant;
    "C1" => creation::c1_one_or_several_rooms_in_one_call;
    "C2" => creation::c2_a_definition_says_size_and_media;
    "C3" => creation::c3_create_and_invite_spreads_people_by_capacity;
    "C4" => creation::c4_only_from_the_main_room;
    "C5" => creation::c5_a_number_of_rooms_and_one_more_later;
    "C6" => creation::c6_each_room_is_managed_by_itself;
    "C7" => creation::c7_matching_needs_no_hand;
    "C8" => creation::c8_all_who_manage_are_told_of_rooms_and_invitations;
    "C9" => creation::c9_the_creator_owns_the_room_and_is_told_of_its_end;
    "A1" => creation::a1_random_by_capacity_and_on_start;
    "A2" => creation::a2_even_split_and_shuffle_anew;
    "A3" => creation::a3_by_hand;
    "A4" => creation::a4_rearranged_before_the_start;
    "A5" => creation::a5_rename;
    "A6" => creation::a6_delete_a_room;
    "A7" => creation::a7_unassign;
    "A8" => creation::a8_reset_all;
    "A9" => creation::a9_nothing_moves_before_start_is_confirmed;
    "A10" => outside::a10_rooms_and_people_are_named_when_the_meeting_is_scheduled;
    "A11" => creation::a11_csv;
    "A12" => creation::a12_assignments_do_not_ask_for_the_device;
    "A13" => creation::a13_a_list_of_people_and_a_room;
    "A14" => creation::a14_late_people_are_matched_by_the_server;
    "I1" => people::i1_several_are_invited_in_one_call_from_the_main_room;
    "I2" => people::i2_asked_by_default_and_moved_by_force;
    "I3" => people::i3_the_invitation_says_where_and_by_whom;
    "I4" => people::i4_the_inviter_and_all_who_manage_are_told;
    "I5" => people::i5_asking_for_help_is_an_invitation_the_other_way;
    "J1" => people::j1_join_says_as_what_and_with_which_sources;
    "J2" => people::j2_one_breakout_at_a_time_and_from_the_main_room;
    "J3" => people::j3_who_can_not_join_is_told_why;
    "J4" => people::j4_others_in_the_room_are_told_who_joined;
    "J5" => people::j5_rejecting_is_told_to_those_who_manage;
    "J6" => people::j6_leaving_a_room_leads_back_to_the_main_room;
    "J7" => people::j7_a_forced_join_is_said_to_begin_and_to_be_done;
    "J8" => people::j8_who_may_switch_rooms;
    "J9" => people::j9_a_switch_swaps_audio_and_video_in_one_step;
    "J10" => people::j10_join_the_running_meeting_first_then_be_assigned;
    "P1" => main_room::p1_pause;
    "P2" => main_room::p2_resume;
    "P3" => main_room::p3_pausing_is_about_the_main_room_only;
    "P4" => main_room::p4_clear_resumes_and_destroy_unmutes_too;
    "M1" => main_room::m1_audio_and_video_are_muted_independently;
    "M2" => main_room::m2_unmute_after_the_return;
    "M3" => main_room::m3_pause_and_mute_are_two_things;
    "D1" => main_room::d1_which_media_a_room_has;
    "D2" => main_room::d2_own_microphone_and_camera_at_any_time;
    "D3" => main_room::d3_chat_and_polls_inside;
    "D4" => main_room::d4_guests_have_each_other_and_the_stage;
    "D5" => main_room::d5_quality_by_role;
    "R1" => roles::r1_a_role_is_permissions_publish_and_subscribe;
    "R2" => roles::r2_the_named_roles_are_there;
    "R3" => roles::r3_the_host_of_the_example;
    "R4" => roles::r4_templates_hold_roles_and_are_saved_as_text;
    "R5" => roles::r5_the_permissions_of_connected_meetings;
    "R6" => roles::r6_changing_roles_is_a_permission_and_gives_no_more_than_one_has;
    "R7" => roles::r7_forced_or_by_consent;
    "R8" => roles::r8_self_movement_is_a_permission;
    "R9" => roles::r9_broadcast_is_a_permission;
    "R10" => roles::r10_the_role_is_part_of_the_join;
    "B1" => voices::b1_a_text_to_all_rooms;
    "B2" => voices::b2_who_may_broadcast;
    "B3" => voices::b3_help_is_asked_for_and_comes;
    "X1" => ending::x1_clear_all;
    "X2" => ending::x2_destroy_all;
    "X3" => ending::x3_an_empty_room_is_destroyed_by_policy;
    "X4" => ending::x4_stop_ends_all;
    "X5" => ending::x5_delete_one_room;
    "T1" => main_room::t1_what_was_on_inside_stays_on;
    "T2" => main_room::t2_devices_are_carried_both_ways;
    "T3" => main_room::t3_clear_and_destroy_restore_the_main_room;
    "T4" => outside::t4_names_and_assignments_are_saved_with_the_meeting;
    "V1" => server::v1_everything_from_the_server_only;
    "V2" => roles::v2_peers_are_listed_with_their_roles;
    "V3" => server::v3_a_participants_role_is_changed;
    "V4" => server::v4_templates_and_roles_by_api;
    "V5" => server::v5_create_a_meeting_and_add_a_participant_with_a_preset;
    "V6" => server::v6_options_by_api;
    "1.16" => codes::events_have_their_canonical_names_and_payloads;
    "0" => codes::code_0;
    "1724" => codes::code_1724;
    "1725" => codes::code_1725;
    "1726" => codes::code_1726;
    "1729" => codes::code_1729;
    "1731" => codes::code_1731;
    "1734" => codes::code_1734;
    "5067" => codes::code_5067;
    "1.18" => codes::limits_hold;
    "Q1" => resolutions::q1_rooms_by_profile;
    "Q2" => resolutions::q2_video_by_profile;
    "Q3" => resolutions::q3_participants_by_profile;
    "Q4" => resolutions::q4_1724_is_the_count_and_1734_the_rest;
    "Q5" => resolutions::q5_all_but_participants_have_defaults;
    "Q6" => resolutions::q6_lecture_by_profile;
    "Q7" => resolutions::q7_one_vocabulary_and_aliases;
    "Q8" => resolutions::q8_notices_go_to_creator_and_managers_once;
    "Q9" => resolutions::q9_leave_all_for_oneself_clear_all_for_everybody;
    "Q10" => resolutions::q10_one_event_a_participant_and_one_a_room;
    "Q11" => main_room::q11_on_return_by_policy;
    "Q12" => main_room::q12_on_enter_by_policy;
    "Q13" => resolutions::q13_direct_moves_by_profile;
    "Q14" => people::q14_consent_by_invitation_with_a_timeout;
    "Q15" => resolutions::q15_strategies_with_a_seed;
    "Q17" => resolutions::q17_empty_rooms_by_policy;
    "Q18" => resolutions::q18_share_and_screen;
    "Q19" => resolutions::q19_who_may_create_and_the_creator_owns;
    "Q20" => voices::q20_broadcast_by_permission_or_option;
    "Q21" => resolutions::q21_aliases_of_ids_are_taken_and_ours_are_told;
    "N1" => beyond::n1_a_move_touches_no_connection;
    "N2" => beyond::n2_start_shuffle_and_stop_are_one_step_each;
    "N3" => voices::n3_an_announcement_reaches_all_rooms_in_the_relay;
    "N4" => main_room::n4_keep_duck_mute_or_pause;
    "N5" => voices::n5_monitor_hears_rooms_from_elsewhere;
    "N6" => voices::n6_a_whisper_to_one_room_or_one_person;
    "N7" => ending::n7_timer_with_warning_extension_and_grace;
    "N8" => people::n8_late_joiners_by_policy;
    "N9" => beyond::n9_a_stale_plan_is_refused;
    "N10" => voices::n10_exchange_one_room_closed_a_message_to_one_help_reset;
    "N11" => ending::n11_the_same_groups_again;
    "N12" => beyond::n12_hosts_see_all_rooms_and_others_what_their_role_lets_them;
    "N13" => beyond::n13_who_comes_back_gets_what_was_missed;
    "N14" => outside::n14_webhooks_tell_outside_what_happens;
    "part 3" => beyond::people_are_muted_and_kicked_by_role;
}

/// Items without a test, and what they wait for.
pub const OPEN: &[(&str, &str)] = &[
    ("E6", "the page: a preview before joining"),
    ("K1", "recording"),
    ("K2", "recording"),
    ("K3", "recording"),
    ("Q16", "recording"),
    ("V7", "the page: the moderator's list of people"),
    ("N15", "plain RTP; WHIP moves are shown by A12"),
    ("N16", "metrics of the relay"),
];
